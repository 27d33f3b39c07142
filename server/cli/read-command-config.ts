import { ConfigError, readConfig, type Config } from '../config/config.ts';
import type { CommandOptions } from './types.ts';
import { CommandError } from './command-error.ts';

/** Reads the environment of the gates. Throws a CommandError if it is invalid. */
export function readCommandConfig(env: CommandOptions['env']): Config {
  try {
    return readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message);
    throw error;
  }
}
