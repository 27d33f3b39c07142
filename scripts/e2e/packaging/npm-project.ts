/** An empty project into which packages are installed from the npm registry. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';

const runFile = promisify(execFile);
const MAX_COMMAND_MS = scaleMs(180_000);
/** POSIX counts `blocks` in this unit. */
const BLOCK_BYTES = 512;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** The registry cannot be reached, so the check cannot run. */
export class RegistryUnreachableError extends Error {
  override readonly name = 'RegistryUnreachableError';
}

/** Matches the output of npm when the registry cannot be reached. */
export const NETWORK_ERROR = /\b(?:ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/;

/** What an installation has put into `node_modules`. */
export interface InstalledPackages {
  /** The number of packages, nested ones included. */
  readonly count: number;
  /** The disk space of all files in units of 1,000,000 bytes, as `du` counts it. */
  readonly megabytes: number;
  /** The packages that run a script when they are installed. */
  readonly withInstallScripts: readonly string[];
  /** The files with native code. */
  readonly nativeFiles: readonly string[];
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
}

export class NpmProject {
  readonly folder: string;

  /** @param folder - The folder to create. */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.write('package.json', JSON.stringify({ private: true, type: 'module' }));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /**
   * Installs packages with `--engine-strict`, so that a package which does not support this Node fails.
   *
   * @param packages - Names, names with versions, or paths of tarballs.
   * @param flags - Further flags of `npm install`.
   * @throws {RegistryUnreachableError} If npm reports a network error.
   */
  async install(packages: readonly string[], flags: readonly string[] = []): Promise<void> {
    const args = ['install', '--engine-strict', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    try {
      await this.run('npm', [...args, ...flags, ...packages]);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (NETWORK_ERROR.test(message)) throw new RegistryUnreachableError(message);
      throw error;
    }
  }

  /**
   * Runs a command in the project. Only `PATH` and npm's configuration are taken from this process.
   *
   * @returns The standard output.
   * @throws An `Error` with the output if the command fails.
   */
  async run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const inherited = Object.entries(process.env).filter(([key]) => /^(?:PATH|HOME|npm_config_.*)$/i.test(key));
    const options = {
      cwd: this.folder,
      env: { ...Object.fromEntries(inherited), ...env },
      timeout: MAX_COMMAND_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
    };
    try {
      return (await runFile(command, args, options)).stdout;
    } catch (error) {
      const { stdout = '', stderr = '', message = String(error) } = error as Partial<Record<string, string>>;
      throw new Error(`${message}\n${stdout}${stderr}`, { cause: error });
    }
  }

  installed(): InstalledPackages {
    const modules = join(this.folder, 'node_modules');
    const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as LockFile;
    const files = readdirSync(modules, { recursive: true, encoding: 'utf8' }).map((file) => join(modules, file));
    const sizes = files.filter((file) => existsSync(file)).map((file) => statSync(file));
    return {
      count: Object.keys(packages).length,
      megabytes:
        sizes.filter((stats) => stats.isFile()).reduce((sum, { blocks }) => sum + blocks * BLOCK_BYTES, 0) / 1_000_000,
      withInstallScripts: Object.keys(packages).filter((name) => packages[name]?.hasInstallScript === true),
      nativeFiles: files.filter((file) => file.endsWith('.node')),
    };
  }
}
