import { fromExpressError } from './routing.ts';

/** An error as Express, its body parser and its file server create it. */
const withStatus = (status: number): Error => Object.assign(new Error('quotes <the client>'), { status });

test.each([400, 403, 404, 408, 412, 413, 415, 416, 417, 431])(
  'an error with the status %i is an expected rejection with that status, and quotes nothing',
  (status) => {
    const expected = fromExpressError(withStatus(status));
    expect(expected?.status).toBe(status);
    expect(JSON.stringify(expected?.body)).not.toContain('quotes');
  },
);

test.each([withStatus(500), withStatus(503), withStatus(200), new Error('x'), 'x', { status: 400 }, undefined])(
  '%p is unexpected',
  (error) => {
    expect(fromExpressError(error)).toBeUndefined();
  },
);
