import fc from 'fast-check';
import { describeDevice } from './device-label.ts';

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
    'Edge on Windows',
  ],
  [
    'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
    'Chrome on Android',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari on iPhone',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
    'Safari on macOS',
  ],
  ['curl/8.10.1', 'curl'],
  [undefined, 'Unknown device'],
])('%s is labelled %s', (userAgent, device) => {
  expect(describeDevice(userAgent)).toBe(device);
});

test('the label contains no text of the User-Agent', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('', ' Firefox/', ' Windows '), (text, known) => {
      expect(describeDevice(`${text}${known}<script>`)).toMatch(/^[A-Za-z.]+( [A-Za-z]+)?( on [A-Za-z]+)?$/);
    }),
  );
});
