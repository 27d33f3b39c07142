/** The package.json of a published package, derived from the repository's package.json and from what the code imports. */
import type { PackageDescription } from './packages.ts';

type Versions = Readonly<Record<string, string>>;

/** The members of the repository's package.json that are used. */
export interface RepositoryManifest {
  readonly version: string;
  readonly license: string;
  readonly repository: { readonly type: string; readonly url: string };
  readonly homepage: string;
  readonly bugs: string;
  readonly engines: Versions;
  readonly dependencies: Versions;
  readonly optionalDependencies: Versions;
  readonly peerDependencies: Versions;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

/** The packages that the reachable files import. */
export interface ImportedPackages {
  readonly code: Iterable<string>;
  readonly declarations: Iterable<string>;
}

const DEPENDENCY_FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies'] as const;
type DependencyField = (typeof DEPENDENCY_FIELDS)[number];

/**
 * Creates the manifest. It declares exactly the packages that the code and the declarations import, with the versions of the
 * repository's package.json.
 *
 * @param repository - The repository's package.json.
 * @param description - The package to publish.
 * @param imported - The packages that its files import.
 * @returns The content of package.json.
 * @throws An `Error` if a file imports a package that the repository's package.json does not list for publication.
 */
export function createManifest(
  repository: RepositoryManifest,
  description: PackageDescription,
  imported: ImportedPackages,
): Record<string, unknown> {
  const { name, keywords, bin, page } = description;
  return {
    name,
    version: repository.version,
    description: description.description,
    keywords,
    license: repository.license,
    repository: repository.repository,
    homepage: repository.homepage,
    bugs: repository.bugs,
    type: 'module',
    engines: repository.engines,
    sideEffects: false,
    exports: {
      ...Object.fromEntries(Object.entries(description.exports).map(([key, file]) => [key, exportOf(file)])),
      './package.json': './package.json',
    },
    ...(bin === undefined
      ? {}
      : { bin: Object.fromEntries(Object.entries(bin).map(([command, file]) => [command, `dist/${compiled(file)}`])) }),
    files: ['dist', 'src', 'CHANGELOG.md', ...(page ? ['THIRD-PARTY-LICENSES.md'] : [])],
    ...selectDependencies(repository, description, imported),
  };
}

const compiled = (file: string): string => file.replace(/\.ts$/, '.js');

const exportOf = (file: string): { readonly types: string; readonly default: string } => ({
  types: `./dist/${file.replace(/\.ts$/, '.d.ts')}`,
  default: `./dist/${compiled(file)}`,
});

function selectDependencies(
  repository: RepositoryManifest,
  { name: self, inlined, undeclared }: PackageDescription,
  { code, declarations }: ImportedPackages,
): Record<string, unknown> {
  const selected: Partial<Record<DependencyField, Record<string, string>>> = {};
  const select = (name: string): boolean => {
    const field = DEPENDENCY_FIELDS.find((each) => name in repository[each]);
    if (field === undefined) return false;
    (selected[field] ??= {})[name] = repository[field][name] ?? '';
    return true;
  };
  const typesOf = (name: string): string => `@types/${name.replace(/^@(.+)\//, '$1__')}`;
  for (const name of [...code, ...undeclared].filter((each) => !inlined.includes(each))) {
    if (!select(name)) throw new Error(`${self} imports ${name}, which package.json does not list as a dependency.`);
  }
  for (const name of declarations) {
    const isListed = [name, typesOf(name)].map(select).some(Boolean);
    if (!isListed) throw new Error(`The types of ${self} refer to ${name}, which package.json does not list.`);
  }
  const peers = Object.keys(selected.peerDependencies ?? {});
  const peerDependenciesMeta = Object.fromEntries(
    Object.entries(repository.peerDependenciesMeta).filter(([name]) => peers.includes(name)),
  );
  return {
    ...Object.fromEntries(
      DEPENDENCY_FIELDS.flatMap((field) => (selected[field] === undefined ? [] : [[field, sorted(selected[field])]])),
    ),
    ...(peers.length === 0 ? {} : { peerDependenciesMeta }),
  };
}

const sorted = (versions: Versions): Versions =>
  Object.fromEntries(Object.entries(versions).sort(([a], [b]) => (a < b ? -1 : 1)));
