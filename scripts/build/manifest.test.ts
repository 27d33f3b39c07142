import repository from '../../package.json' with { type: 'json' };
import { createManifest } from './manifest.ts';
import type { PackageDescription } from './packages.ts';

const description: PackageDescription = {
  name: '@pouchgate/example',
  folder: 'example',
  description: 'An example.',
  keywords: ['example'],
  project: 'tsconfig.json',
  readme: 'README.md',
  exports: { '.': 'server/index.ts' },
  programs: [],
  inlined: [],
  undeclared: [],
  assets: [],
  page: false,
};
const create = (
  { code = [], declarations = [] }: { code?: string[]; declarations?: string[] },
  changes: Partial<PackageDescription> = {},
): Record<string, unknown> => createManifest(repository, { ...description, ...changes }, { code, declarations });

it('declares what the code imports, in the field and with the version of the repository', () => {
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = create({
    code: ['zod', 'express-pouchdb', 'react'],
  });
  expect(dependencies).toEqual({ zod: repository.dependencies.zod });
  expect(optionalDependencies).toEqual({ 'express-pouchdb': repository.optionalDependencies['express-pouchdb'] });
  expect(peerDependencies).toEqual({ react: repository.peerDependencies.react });
  expect(peerDependenciesMeta).toEqual({ react: { optional: true } });
});

it('declares nothing that is not imported', () => {
  const manifest = create({});
  expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([]);
});

it('declares the types that declarations refer to, and the package itself only if it is a dependency', () => {
  expect(create({ declarations: ['express', '@standard-schema/spec'] })['dependencies']).toEqual({
    '@standard-schema/spec': repository.dependencies['@standard-schema/spec'],
    '@types/express': repository.dependencies['@types/express'],
    express: repository.dependencies.express,
  });
});

it('declares a dependency that another one leaves out', () => {
  expect(create({}, { undeclared: ['events'] })['dependencies']).toEqual({ events: repository.dependencies.events });
});

it('does not declare an inlined package', () => {
  expect(create({ code: ['http-proxy-middleware'] }, { inlined: ['http-proxy-middleware'] })).not.toHaveProperty(
    'dependencies',
  );
});

it('throws for a package that is a development dependency only', () => {
  expect(() => create({ code: ['jest'] })).toThrow(
    '@pouchgate/example imports jest, which package.json does not list as a dependency.',
  );
  expect(() => create({ declarations: ['jest'] })).toThrow('The types of @pouchgate/example refer to jest');
});

it('takes version, licence and addresses from the repository', () => {
  const { version, license, repository: address, homepage, bugs, engines } = repository;
  expect(create({})).toMatchObject({ version, license, repository: address, homepage, bugs, engines });
});

it('maps each export to the compiled module and its types', () => {
  expect(create({}, { exports: { '.': 'client/index.ts' }, bin: { x: 'scripts/x.ts' } })).toMatchObject({
    exports: { '.': { types: './dist/client/index.d.ts', default: './dist/client/index.js' } },
    bin: { x: 'dist/scripts/x.js' },
  });
});
