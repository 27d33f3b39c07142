/** Coordinates the tabs of one user in one browser: one tab syncs, and all tabs exchange messages. */
import type { Environment } from '../platform/environment.ts';
import type { SyncProgress } from '../sync/status.ts';
import type { TabChannel, TabMessage } from './channel.ts';
import { electLeader, type LeaderElection } from './leader-election.ts';

/** A message that carries nothing but its type. */
export type TabSignal = Exclude<TabMessage['type'], 'led'>;

export interface TabSyncOptions {
  /** The name of the database. The channel and the lock are named after it. */
  readonly name: string;
  readonly environment: Pick<Environment, 'now' | 'locks' | 'listen' | 'isVisible' | 'openChannel'>;
  /** The interval in milliseconds at which a visible tab checks that there is a leader. */
  readonly heartbeatIntervalMs: number;
  /** Whether this tab must sync on its own, whichever tab is the leader. Call `reelect` when it changes. */
  readonly isAlone: () => boolean;
  /** This tab's progress, which it sends to the others while it is the leader. */
  readonly progress: () => SyncProgress;
  /** Syncs while this tab is the leader, until the signal is aborted. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** Called with the status that the leader sent, unless this tab is the leader. */
  readonly onLeaderProgress: (message: Extract<TabMessage, { readonly type: 'led' }>) => void;
  /** Called for each other message that concerns the store. */
  readonly onSignal: (signal: Exclude<TabSignal, 'hello'>) => void;
}

export class TabSync {
  readonly #options: TabSyncOptions;
  readonly #channel: TabChannel;
  #election: LeaderElection | undefined;
  #isLeader = false;
  /** When another tab last requested the leader's status. Visible tabs request it at every interval. */
  #requestedAt = -Infinity;

  constructor(options: TabSyncOptions) {
    this.#options = options;
    this.#channel = options.environment.openChannel(options.name);
  }

  /** Takes part in the leader election and receives messages, until `stopSignal` is aborted. */
  start(stopSignal: AbortSignal): void {
    const { name, environment, heartbeatIntervalMs } = this.#options;
    this.#election = electLeader(
      {
        name,
        environment,
        intervalMs: heartbeatIntervalMs,
        requestHeartbeat: () => this.#requestHeartbeat(),
        isAlone: this.#options.isAlone,
        onLeader: (signal) => this.#lead(signal),
      },
      stopSignal,
    );
    this.#channel.onmessage = ({ data }) => this.#onMessage(data);
    this.send('hello');
  }

  /** Whether this tab syncs for all tabs. */
  isLeader(): boolean {
    return this.#isLeader;
  }

  /** Whether this tab is visible, or another one was within the last two intervals. */
  isAnyVisible(): boolean {
    const { environment, heartbeatIntervalMs } = this.#options;
    return environment.isVisible() || environment.now() - this.#requestedAt < 2 * heartbeatIntervalMs;
  }

  /** Sends a message to all other tabs. */
  send(type: TabSignal): void {
    this.#channel.postMessage({ type });
  }

  /** Starts another election. */
  reelect(): void {
    this.#election?.restart();
  }

  /** Sends this tab's progress to all other tabs, if it is their leader. A tab that syncs on its own is not. */
  sendProgress(): void {
    if (this.#isLeader && !this.#options.isAlone())
      this.#channel.postMessage({ ...this.#options.progress(), type: 'led' });
  }

  /** Resolves when this tab is not the leader any more, after the stop signal. */
  async whenStopped(): Promise<void> {
    await this.#election?.whenStopped();
  }

  /** Closes the channel. No message may be sent afterwards. */
  close(): void {
    this.#channel.close();
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#isLeader = true;
    this.sendProgress();
    try {
      await this.#options.lead(signal);
    } finally {
      this.#isLeader = false;
    }
  }

  #requestHeartbeat(): void {
    if (this.#isLeader) this.#election?.onLeaderActivity();
    else this.send('hello');
  }

  #onMessage(message: TabMessage): void {
    switch (message.type) {
      case 'led':
        this.#election?.onLeaderActivity();
        if (!this.#isLeader) this.#options.onLeaderProgress(message);
        break;
      case 'hello':
        this.#requestedAt = this.#options.environment.now();
        this.sendProgress();
        break;
      case 'wake':
      case 'dismissed':
      case 'noted':
      case 'replaced':
      case 'signed-out':
        this.#options.onSignal(message.type);
        break;
    }
  }
}
