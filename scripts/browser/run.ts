/**
 * Runs the browser checks in Chromium against a complete server with an in-memory database. Prints a line for each check.
 *
 *     tsx scripts/browser/run.ts [--quick] [part of a name …]
 *
 * `--quick` skips the measurements (see below), for `npm test`.
 */
import { parseArgs } from 'node:util';
import { everyPageIsAccessible } from './checks/accessibility.ts';
import { devicesAreSignedOut, devicesWithoutAServer } from './checks/devices.ts';
import { storedValuesHydrate } from './checks/hydration.ts';
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
import { networkHangs, portalIsNamed, sessionEndedWhileLive, tokensRunOut } from './checks/network-loss.ts';
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
import { statusIsReadable, statusOfEachDeviceIsReadable } from './checks/status-pill.ts';
import { chatIsLinkedAndEdits } from './checks/telegram.ts';
import { anotherTabTakesOver, refusedEditIsReverted, signOutLeavesNothing } from './checks/session.ts';
import { leaderCrashes, leaderIsFrozen, tabsWithoutLocks, tenTabsOneConnection } from './checks/tabs.ts';
import { storedTextReordersNothing } from './checks/text-direction.ts';
import { oneDeviceGoesOffline, twoDevicesLeaveNothing, twoDevicesMerge } from './checks/two-devices.ts';
import { toastStaysWhileInUse, undoRevertsOwnChanges } from './checks/undo.ts';
import { startHarness, type Harness } from './testing/harness.ts';

/** Rejects when the check fails. A string that it resolves with is printed after its name. */
type Check = (harness: Harness) => Promise<unknown>;

const CHECKS: readonly (readonly [string, Check])[] = [
  ['two browsers and two tabs of one user show every change', twoBrowsersAndTwoTabs],
  ['a second user never receives the first user’s data', aSecondUserSeesNothing],
  ['a click in one browser changes the other within a second', crossBrowserLatency],
  ['keeps all edits made offline in two browsers', offlineEditsInBothBrowsers],
  ['a reload while offline shows the data, accepts edits, and sends them later', reloadWithoutNetwork],
  ['an open page recovers from a restart of the server without a reload', serverRestart],
  ['a browser that is closed twice and started offline keeps its edits and sends them later', closedAndStartedOffline],
  ['a cold start offline shows the preferences', coldStart],
  ['tokens that expire during a live sync are renewed', tokensRunOut],
  ['a hanging network is detected, shown, and recovered from', networkHangs],
  ['a captive portal is named, with what to do, until the server responds', portalIsNamed],
  ['a session that ends while the page is live is shown, and its data is kept', sessionEndedWhileLive],
  ['ten tabs share one connection, show every change, and another tab takes over', tenTabsOneConnection],
  ['another tab takes over when the leader crashes', leaderCrashes],
  ['another tab takes over when the leader is frozen', leaderIsFrozen],
  ['without Web Locks every tab syncs, and nothing is lost', tabsWithoutLocks],
  ['one tab syncs for all, and another takes over when it closes', anotherTabTakesOver],
  ['an edit that the server refuses is reverted and reported in every tab', refusedEditIsReverted],
  ['signing out leaves no database, username or cookie behind', signOutLeavesNothing],
  ['the next user of a browser finds no data of the previous one, online or offline', nextUserFindsNothing],
  ['the next page completes a sign-out interrupted by a crash', signOutInterruptedByCrash],
  [
    'the next start, even offline, completes a sign-out interrupted by closing the browser',
    signOutInterruptedByClosing,
  ],
  ['a database that the browser evicts under a page is recreated', evictedDatabase],
  ['an edit is stored even if the browser aborts its read', abortedRead],
  ['with a full quota an edit is sent from memory, and the page says that nothing is kept', fullQuota],
  ['a page without a database works from memory, and says that nothing is kept', databaseUnavailable],
  ['a server renders the defaults, and React hydrates them without a warning', storedValuesHydrate],
  ['the page works under its content security policy without a console error', noConsoleErrors],
  ['stored text that changes the direction of writing reorders nothing else', storedTextReordersNothing],
  ['the status is readable at every width from 320 to 1600 px', statusIsReadable],
  ['the status of each of the two devices is readable at every width', statusOfEachDeviceIsReadable],
  ['every control has a name and works by keyboard', keyboardAlone],
  ['a wrong password is reported in a sentence', wrongPassword],
  ['the undo button and Ctrl+Z revert only changes of this page', undoRevertsOwnChanges],
  ['a toast stays while it has the pointer or the focus', toastStaysWhileInUse],
  ['the inspector shows local and remote edits live', inspectorIsLive],
  ['the inspector’s snapshot can be copied', snapshotIsCopied],
  ['devices can be signed out one by one and all at once', devicesAreSignedOut],
  ['the list of devices shows an error when it cannot be loaded', devicesWithoutAServer],
  ['an open page shows changes made by REST, the bot and the command line', otherEditSourcesAreShown],
  ['a Telegram chat is linked, edits what the page shows, and is unlinked', chatIsLinkedAndEdits],
  ['two devices on one page go offline, are edited, and merge', twoDevicesMerge],
  ['each of the two devices has its own network switch', oneDeviceGoesOffline],
  ['signing out warns about unsent edits of the two devices and removes all their data', twoDevicesLeaveNothing],
  ['a new version is offered, and every page starts offline', newVersionIsOffered],
  ['the page can be installed', canBeInstalled],
  ['axe-core finds no violation on any page, in both themes and widths, and nothing overflows', everyPageIsAccessible],
];

/** These take long and need an otherwise idle machine. `npm run test:browser` includes them. */
const MEASUREMENTS: readonly Check[] = [crossBrowserLatency, coldStart, tenTabsOneConnection, otherEditSourcesAreShown];

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: 'boolean' } },
  });
  const selected = CHECKS.filter(
    ([name, check]) =>
      (positionals.length === 0 || positionals.some((part) => name.includes(part))) &&
      !(values.quick === true && MEASUREMENTS.includes(check)),
  );
  const harness = await startHarness();
  let failed = 0;
  for (const [name, check] of selected) {
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
  console.log(`${selected.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
