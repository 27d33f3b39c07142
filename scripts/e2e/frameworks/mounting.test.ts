import { createServer, type RequestListener, type Server } from 'node:http';
import fastifyExpress from '@fastify/express';
import middie from '@fastify/middie';
import { createAdaptorServer } from '@hono/node-server';
import compression from 'compression';
import express from 'express';
import express4 from 'express4';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { exerciseGate, patchPreferences } from './testing/exercise-gate.ts';
import { listen, listenFastify, setUpGates, type Mount } from './testing/mounted-gate.ts';

/** The gate in frameworks that handle, replace or override parts of the request and the response. */
const createGate = setUpGates();

const MOUNTS: readonly (readonly [name: string, Mount])[] = [
  ['the router in Express 5', ({ router }) => listen(createServer(express().use('/prefs', router)))],
  [
    'the listener in Express 5, at the mount path',
    ({ listener }) => listen(createServer(express().use('/prefs', listener))),
  ],
  ['the router in Express 4', ({ router }) => listen(createServer(express4().use('/prefs', router as never)))],
  [
    'the router behind compression()',
    ({ router }) =>
      listen(
        createServer(
          express()
            .use(compression({ threshold: 0 }))
            .use('/prefs', router),
        ),
      ),
  ],
  [
    'the router in @fastify/express, which overrides headersSent',
    async ({ router }) => {
      const app = Fastify();
      await app.register(fastifyExpress);
      app.use('/prefs', router);
      return listenFastify(app);
    },
  ],
  [
    'the router in @fastify/middie',
    async ({ router }) => {
      const app = Fastify();
      await app.register(middie);
      app.use('/prefs', router as never);
      return listenFastify(app);
    },
  ],
  [
    'the listener in @fastify/middie',
    async ({ listener }) => {
      const app = Fastify();
      await app.register(middie);
      app.use(listener as never);
      return listenFastify(app);
    },
  ],
  [
    'the listener in a route of Fastify that leaves the body unread',
    async ({ listener }) => {
      const app = Fastify();
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', (_request, _payload, done) => done(null));
      app.all('/prefs/*', (request, reply) => {
        reply.hijack();
        listener(request.raw, reply.raw);
      });
      return listenFastify(app);
    },
  ],
  [
    'the listener in front of Hono',
    ({ listener }) => {
      const hono = createAdaptorServer({ fetch: new Hono().fetch }) as Server;
      const [handle] = hono.listeners('request') as RequestListener[];
      return listen(createServer((req, res) => listener(req, res, () => handle?.(req, res))));
    },
  ],
  [
    'the listener in a framework that sets the status 404 first, as Koa does',
    ({ listener }) =>
      listen(
        createServer((req, res) => {
          res.statusCode = 404;
          listener(req, res);
        }),
      ),
  ],
];

test.each(MOUNTS)('%s: live sync, the event stream, edits, the end of access, and close', async (_, mount) => {
  const { pouchgate, gate } = await createGate();
  const url = `${await mount(pouchgate)}/prefs`;
  const { stream, peers } = await exerciseGate({ ...gate, url });
  const ended = stream.waitForEnd();
  pouchgate.endUser(gate.username);
  await ended;
  for (const peer of peers) await peer.close();
  await pouchgate.close();
  expect((await patchPreferences({ ...gate, url }, { theme: 'dark' })).status).toBe(503);
});
