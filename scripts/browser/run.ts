/**
 * Runs every browser check against the whole server, in memory, and Chromium; prints a line for each.
 *
 *     tsx scripts/browser/run.ts [--quick] [part of a name …]
 *
 * `--quick` leaves out what is told apart below: `npm test` has to end within minutes.
 */
import { parseArgs } from 'node:util';
import { everyPageIsAccessible } from './checks/accessibility.ts';
import { devicesAreSignedOut, devicesWithoutAServer } from './checks/devices.ts';
import { snapshotIsCopied, inspectorIsLive } from './checks/inspector.ts';
import {
  evictedDatabase,
  fullQuota,
  nextUserFindsNothing,
  databaseUnavailable,
  abortedRead,
  signOutInterruptedByClosing,
  signOutInterruptedByCrash,
} from './checks/lifecycle.ts';
import { networkHangs, sessionEndedWhileLive, tokensRunOut } from './checks/network-loss.ts';
import { aSecondUserSeesNothing, crossBrowserLatency, twoBrowsersAndTwoTabs } from './checks/live.ts';
import { canBeInstalled, newVersionIsOffered } from './checks/new-version.ts';
import {
  closedAndStartedOffline,
  coldStart,
  offlineEditsInBothBrowsers,
  reloadWithoutNetwork,
  serverRestart,
} from './checks/offline.ts';
import { keyboardAlone, noConsoleErrors, wrongPassword } from './checks/app-shell.ts';
import { otherEditSourcesAreShown } from './checks/edit-sources.ts';
import { chatIsLinkedAndEdits } from './checks/telegram.ts';
import { anotherTabTakesOver, refusedEditIsReverted, signOutLeavesNothing } from './checks/session.ts';
import { leaderCrashes, leaderIsFrozen, tabsWithoutLocks, tenTabsOneConnection } from './checks/tabs.ts';
import { oneDeviceGoesOffline, twoDevicesLeaveNothing, twoDevicesMerge } from './checks/two-devices.ts';
import { toastStaysWhileInUse, undoRevertsOwnChanges } from './checks/undo.ts';
import { startHarness, type Harness } from './testing/harness.ts';

/** Resolves when the check holds, with something to print beside it when there is something. */
type Check = (kit: Harness) => Promise<unknown>;

const CHECKS: readonly (readonly [string, Check])[] = [
  ['two browsers and two tabs of one user show every change', twoBrowsersAndTwoTabs],
  ['a second user beside them never sees the first one’s data', aSecondUserSeesNothing],
  ['a click in one browser changes the other within a second', crossBrowserLatency],
  ['edits made offline in both browsers are all kept', offlineEditsInBothBrowsers],
  ['a reload while offline shows the data, takes edits, and sends them later', reloadWithoutNetwork],
  ['a restart of the server under an open page is survived without a reload', serverRestart],
  ['a browser closed twice and started offline keeps its edits, and sends them later', closedAndStartedOffline],
  ['a cold start without a network shows the preferences', coldStart],
  ['tokens that run out under a live sync are renewed', tokensRunOut],
  ['a network that hangs is noticed, said, and left behind', networkHangs],
  ['a session ended while the page is live is told, and its data kept', sessionEndedWhileLive],
  ['ten tabs have one connection, show every change, and another one takes over', tenTabsOneConnection],
  ['another tab takes over when the one that syncs has crashed', leaderCrashes],
  ['another tab takes over when the one that syncs is frozen', leaderIsFrozen],
  ['without Web Locks every tab syncs, and nothing is lost', tabsWithoutLocks],
  ['one tab syncs for all, and another takes over when it is closed', anotherTabTakesOver],
  ['an edit that the server refuses is taken back in every tab, and told', refusedEditIsReverted],
  ['signing out leaves no database, no name and no cookie behind', signOutLeavesNothing],
  ['the next user of a browser finds nothing of the one before, online or offline', nextUserFindsNothing],
  ['a sign-out cut off by a crash is finished by the next page', signOutInterruptedByCrash],
  ['a sign-out cut off by closing the browser is finished by the next start, offline', signOutInterruptedByClosing],
  ['a database that the browser throws away under a page is made anew', evictedDatabase],
  ['an edit whose read the browser breaks off is stored all the same', abortedRead],
  ['with a full quota an edit is told, goes back, and works once there is room', fullQuota],
  ['without any database the page says so', databaseUnavailable],
  ['the page works under its policy without a console error', noConsoleErrors],
  ['every control has a name and works by keyboard', keyboardAlone],
  ['a wrong password is told in a sentence', wrongPassword],
  ['a change is taken back by its button and by Ctrl+Z, and nobody else’s with it', undoRevertsOwnChanges],
  ['a message stays while somebody is at it', toastStaysWhileInUse],
  ['the inspector shows edits of here and elsewhere as they come', inspectorIsLive],
  ['what is inspected can be copied', snapshotIsCopied],
  ['devices are signed out one by one and all at once', devicesAreSignedOut],
  ['the list of devices says so when it cannot be had', devicesWithoutAServer],
  ['a change by REST, by the bot and by the command line is in an open page', otherEditSourcesAreShown],
  ['a Telegram chat is linked, edits what the page shows, and is unlinked', chatIsLinkedAndEdits],
  ['two devices in one page part, are edited, and merge', twoDevicesMerge],
  ['each of the two devices has a line of its own', oneDeviceGoesOffline],
  ['signing out asks for what the two devices have not sent, and nothing of them stays', twoDevicesLeaveNothing],
  ['a new version is offered, and every page starts without a network', newVersionIsOffered],
  ['the page can be installed', canBeInstalled],
  ['axe-core finds nothing on any page, in both themes and widths, and nothing is cut off', everyPageIsAccessible],
];

/** They measure, which takes long and a machine without other work; `npm run test:browser` runs them too. */
const MEASUREMENTS: readonly Check[] = [crossBrowserLatency, coldStart, tenTabsOneConnection, otherEditSourcesAreShown];

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean' } },
  });
  const chosen = CHECKS.filter(
    ([name, check]) =>
      (positionals.length === 0 || positionals.some((part) => name.includes(part))) &&
      !(values.quick === true && MEASUREMENTS.includes(check)),
  );
  const harness = await startHarness();
  let failed = 0;
  for (const [name, check] of chosen) {
    const startedAt = performance.now();
    try {
      const note = await check(harness);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`ok      ${name} (${typeof note === 'string' ? `${note}; ` : ''}${seconds} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    await Promise.all(harness.browser.contexts().map((context) => context.close()));
  }
  await harness.close();
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
