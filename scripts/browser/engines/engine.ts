/** The interface of a browser for the checks, independent of the library or protocol that controls it. */

/** The browsers of the run: `chromium`, `firefox` and `webkit`. */
export interface Engine {
  readonly name: string;
  /** The Debian packages to install, for the message about a browser that is skipped. */
  readonly debianPackages: string;
  /** Returns the path of the browser's executable, or undefined where it is not installed. */
  readonly find: () => string | undefined;
  /** Starts a browser process. */
  readonly start: (options: StartBrowserOptions) => Promise<RunningBrowser>;
}

export interface StartBrowserOptions {
  readonly executablePath: string;
  /** The folder of the profile. A profile is used by one browser at a time. */
  readonly profile: string;
  /** Whether to open private windows, which keep nothing on disk. */
  readonly isPrivate?: boolean;
}

/** A browser process with a separate profile. */
export interface RunningBrowser {
  /** For example `Firefox 153.8`. */
  readonly version: string;
  readonly openTab: (url: string) => Promise<Tab>;
  /** Ends the browser and all its processes, also when it hangs. */
  readonly kill: () => Promise<void>;
}

export interface Tab {
  /** Evaluates an expression in the page, and awaits a promise. Resolves with the value, which must be JSON. */
  readonly evaluate: (expression: string) => Promise<unknown>;
  readonly reload: () => Promise<void>;
  readonly close: () => Promise<void>;
  /** Returns a PNG of the visible part of the page. */
  readonly screenshot: () => Promise<Buffer>;
  /** The errors on the console and the uncaught exceptions since the tab was opened. */
  readonly errors: string[];
}
