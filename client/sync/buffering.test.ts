import fc from 'fast-check';
import { createBufferingDetector } from './buffering.ts';

const create = () => {
  let time = 0;
  const detector = createBufferingDetector(() => time);
  return { ...detector, advance: (ms: number) => (time += ms) };
};

test('one longpoll of which nothing arrives is evidence of a buffering proxy', () => {
  const detector = create();
  expect(detector.isBuffering()).toBe(false);
  detector.recordSilence('sent');
  expect(detector.isBuffering()).toBe(true);
});

test('a longpoll that stops after its head is evidence only when the next one does, too', () => {
  const detector = create();
  detector.recordSilence('head');
  detector.recordOther();
  detector.recordSilence('head');
  detector.recordSilence('heartbeat');
  detector.recordSilence('head');
  expect(detector.isBuffering()).toBe(false);
  detector.recordSilence('head');
  expect(detector.isBuffering()).toBe(true);
});

test('heartbeats are tried again after ten minutes', () => {
  const detector = create();
  detector.recordSilence('sent');
  detector.advance(599_999);
  expect(detector.isBuffering()).toBe(true);
  detector.advance(1);
  expect(detector.isBuffering()).toBe(false);
});

test('connections whose heartbeats arrive are never evidence', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('silence', 'other')), (ends) => {
      const detector = create();
      for (const end of ends) {
        if (end === 'silence') detector.recordSilence('heartbeat');
        else detector.recordOther();
      }
      expect(detector.isBuffering()).toBe(false);
    }),
  );
});
