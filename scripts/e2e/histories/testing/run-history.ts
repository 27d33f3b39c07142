/** Executes a history, checks every interface after each step, and what is left at the end. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import type { Person } from '../../../../server/testing/fake-telegram-api.ts';
import type { Deployment } from './deployment.ts';
import { createDevice, type Device, type Document } from './devices.ts';
import { EditLedger } from './edit-ledger.ts';
import type { History, Step } from './history.ts';
import { itemAt } from './item-at.ts';
import { applyMistake } from './operator-mistakes.ts';
import { patchOverRest, readOverRest, type Values } from '../../testing/preferences-over-rest.ts';
import { createServerParticipant, type Participant } from './participants.ts';
import { BOT_COMMANDS, type Version, VERSIONS } from './preference-domains.ts';
import type { Shadow } from './shadow.ts';

export interface HistoryContext {
  readonly deployment: Deployment;
  readonly username: string;
  /** Not used by another history at the same time. */
  readonly shadow: Shadow;
}

const ALL_VERSIONS = Object.keys(VERSIONS) as readonly Version[];
/** Edits of plain PouchDBs may arrive after a page was synced, and change what it shows. */
const MAX_FINAL_ROUNDS = 10;
/** Gates merge what would be a conflict. Only two gates that write at the same moment leave one, until the next edit. */
const MAX_LEAVES = 3;
/** How many interfaces edit the copy after a step. They take turns, also over the histories. */
const PROBES_PER_STEP = 1;
const PROBES_PER_SLIP = 5;

/** Resolves when the history has no violation. Rejects with an error that contains the violations and the history. */
export async function runHistory(history: History, context: HistoryContext): Promise<void> {
  const run = new HistoryRun(history, context);
  const violations: string[] = [];
  try {
    violations.push(...(await run.execute()));
  } catch (error) {
    violations.push(String(error));
  } finally {
    await run.close();
  }
  if (violations.length > 0) {
    throw new Error(['Violations:', ...violations, '', 'History:', ...run.log].join('\n'));
  }
}

class HistoryRun {
  readonly log: string[] = [];
  readonly #steps: readonly Step[];
  readonly #context: HistoryContext;
  readonly #devices: readonly Device[];
  readonly #ledger = new EditLedger();
  #person: Person | undefined;
  #edits = 0;

  constructor({ devices, steps }: History, context: HistoryContext) {
    const { username, deployment } = context;
    this.#steps = steps;
    this.#context = context;
    this.#devices = devices.map(({ kind, app, clockOffsetMs }, index) => {
      const device = createDevice({ name: 'ABCD'.charAt(index), kind, app, username, gates: deployment.gates });
      device.setClock(clockOffsetMs);
      this.log.push(`${device.name} starts, its clock ${clockOffsetMs / 1000} s off`);
      return device;
    });
  }

  /** Resolves with the violations. */
  async execute(): Promise<readonly string[]> {
    await Promise.all(this.#devices.map((device) => device.settle()));
    for (const step of this.#steps) {
      await this.#runStep(step);
      const violations = await this.#checkInterfaces(step.kind === 'operator' ? PROBES_PER_SLIP : PROBES_PER_STEP);
      if (violations.length > 0) return violations;
    }
    this.log.push('all devices go online');
    for (const device of this.#devices) device.setOnline(true);
    const differences = await this.#converge();
    return [...differences, ...(await this.#checkInterfaces(PROBES_PER_STEP))];
  }

  async close(): Promise<void> {
    for (const device of this.#devices) await device.close();
  }

  async #runStep(step: Step): Promise<void> {
    const { deployment, username } = this.#context;
    switch (step.kind) {
      case 'device edit':
        return this.#edit(itemAt(this.#devices, step.device), step);
      case 'server edit':
        return this.#edit(createServerParticipant(deployment.gates, step.version, { kind: step.via, username }), step);
      case 'bot': {
        const { text } = itemAt(BOT_COMMANDS, step.command);
        this.log.push(`the bot receives ${text}`);
        this.#person ??= await deployment.linkChat(username);
        await this.#person.sendMessage(text);
        return;
      }
      case 'operator': {
        this.log.push(`an operator stores ${step.mistake}`);
        await deployment.replaceStored(username, (current) => applyMistake(step.mistake, current));
        return;
      }
      case 'clock': {
        const device = itemAt(this.#devices, step.device);
        this.log.push(`the clock of ${device.name} jumps to ${step.offsetMs / 1000} s off`);
        device.setClock(step.offsetMs);
        return;
      }
      case 'offline':
      case 'online': {
        const device = itemAt(this.#devices, step.device);
        this.log.push(`${device.name} goes ${step.kind}`);
        device.setOnline(step.kind === 'online');
        return;
      }
      case 'settle':
        this.log.push('devices that are online sync');
        await this.#settle();
    }
  }

  async #edit(
    participant: Participant,
    { key: index, shape, removes }: Extract<Step, { readonly kind: 'device edit' | 'server edit' }>,
  ): Promise<void> {
    const [key, makeValue] = itemAt(Object.entries(participant.domain), index);
    const value = removes ? undefined : makeValue(`e${(this.#edits += 1)}`, shape);
    const seen = (await participant.read())[key];
    const text = removes ? 'removes' : `sets to e${this.#edits} (${shape})`;
    this.log.push(`${participant.name} ${text}: ${key}, seeing ${JSON.stringify(seen ?? null).slice(0, 60)}`);
    await participant.edit({ [key]: value ?? null });
    this.#ledger.record({ author: participant.name, key, value, seen });
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#devices.filter((device) => device.isOnline()).map((device) => device.settle()));
  }

  /** Every interface reads the document, and some edit a copy. */
  async #checkInterfaces(probes: number): Promise<readonly string[]> {
    const { deployment, username, shadow } = this.#context;
    await Promise.all(ALL_VERSIONS.map((version) => readOverRest(deployment.gates[version], username)));
    const refusals = this.#devices.flatMap((device) =>
      device.refusals().map((refusal) => `${device.name} was refused: ${refusal}`),
    );
    const stored = await deployment.readStored(username);
    if (stored === undefined) return [...refusals, 'The document is missing.'];
    return [...refusals, ...(await shadow.findViolations(stored, probes))];
  }

  /** Waits until every replica is equal. Resolves with what is wrong then. */
  async #converge(): Promise<readonly string[]> {
    const { deployment, username } = this.#context;
    for (let round = 0; ; round += 1) {
      await this.#settle();
      const shown = await this.#readShown();
      await Promise.all(this.#devices.map((device) => device.waitUntilShown(shown[device.version])));
      const stored = await deployment.readStored(username);
      if (stored === undefined) return ['The document is missing.'];
      const differences = await this.#findDifferences(stored);
      if (differences.length > 0 && round < MAX_FINAL_ROUNDS) continue;
      const leaves = await deployment.readLeaves(username);
      const live = leaves.filter(({ _deleted }) => _deleted !== true);
      if (live.length > 1 && round < MAX_FINAL_ROUNDS) {
        this.log.push('an edit merges the revisions that two gates have stored at the same moment');
        await patchOverRest(deployment.gates['built-in'], username, { theme: 'dark' });
        continue;
      }
      const isLinear = live.length === 1 && leaves.length <= MAX_LEAVES;
      const forks = isLinear ? [] : [`the server has ${live.length} live of ${leaves.length} leaves`];
      return [...differences, ...forks, ...this.#ledger.findViolations(stored, shown.new)];
    }
  }

  async #readShown(): Promise<Readonly<Record<Version, Values>>> {
    const { deployment, username } = this.#context;
    const entries = ALL_VERSIONS.map(
      async (version) => [version, await readOverRest(deployment.gates[version], username)] as const,
    );
    return Object.fromEntries(await Promise.all(entries)) as Record<Version, Values>;
  }

  async #findDifferences({ preferences, edits }: Document): Promise<readonly string[]> {
    const expected = canonicalJson({ preferences, edits });
    const found = await Promise.all(
      this.#devices.map(async (device) => {
        const document = await device.readDocument();
        const text = canonicalJson({ preferences: document.preferences, edits: document.edits });
        return text === expected
          ? []
          : [`${device.name} has another document than the server: ${text}, not ${expected}`];
      }),
    );
    return found.flat();
  }
}
