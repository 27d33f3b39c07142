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
  detector.recordTimeout('sent');
  expect(detector.isBuffering()).toBe(true);
});

test('a longpoll that stops after its head is evidence only if the next one does as well', () => {
  const detector = create();
  detector.recordTimeout('head');
  detector.recordOther();
  detector.recordTimeout('head');
  detector.recordTimeout('heartbeat');
  detector.recordTimeout('head');
  expect(detector.isBuffering()).toBe(false);
  detector.recordTimeout('head');
  expect(detector.isBuffering()).toBe(true);
});

test('unbounded longpolls are tried again after ten minutes', () => {
  const detector = create();
  detector.recordTimeout('sent');
  detector.advance(599_999);
  expect(detector.isBuffering()).toBe(true);
  detector.advance(1);
  expect(detector.isBuffering()).toBe(false);
});

test('a heartbeat that arrives ends the detection', () => {
  const detector = create();
  detector.recordTimeout('sent');
  detector.recordHeartbeat();
  expect(detector.isBuffering()).toBe(false);
  detector.recordTimeout('head');
  detector.recordHeartbeat();
  detector.recordTimeout('head');
  expect(detector.isBuffering()).toBe(false);
});

test('connections whose heartbeats arrive are never evidence', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('timeout', 'other')), (ends) => {
      const detector = create();
      for (const end of ends) {
        if (end === 'timeout') detector.recordTimeout('heartbeat');
        else detector.recordOther();
      }
      expect(detector.isBuffering()).toBe(false);
    }),
  );
});
