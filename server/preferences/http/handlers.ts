import type { Request, Response } from 'express';
import type { DeviceId } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { newSourceDeviceId } from '../../../couchdb-design/user-document/edit-sources.ts';
import { decodeSubject } from '../../../couchdb-design/user-document/username.ts';
import type { Caller } from '../../http/caller.ts';
import { badRequest, sendJson } from '../../http/errors.ts';
import { InvalidPreferencesError } from '../../http/problem-details.ts';
import { sendEmpty } from '../../http/routing.ts';
import { isObject } from '../../lib/json.ts';
import { createPreferencesResponse } from '../response.ts';
import type { PreferenceDefinition } from '../schema.ts';
import type { ComputePatch, PreferencesService, UserPreferences } from '../service.ts';
import { assertIfMatch, entityTag, isNotModified } from './etag.ts';
import { applyMergePatch } from './merge-patch.ts';
import { requireBody, requirePreferenceName } from './request.ts';

export interface PreferenceHandlersOptions<P extends object> {
  readonly service: PreferencesService<P>;
  readonly definition: PreferenceDefinition<P>;
  /** Rejects when a caller's access has ended since the request was authenticated. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** Throws 401 for a request that was not authenticated. */
  readonly requireCaller: (req: Request) => Caller;
}

/** Handles the requests for the profile and the preferences. */
export class PreferenceHandlers<P extends object> {
  readonly #options: PreferenceHandlersOptions<P>;
  /** The device id in the stamps of edits over REST. */
  readonly #device: DeviceId = newSourceDeviceId('rest', Math.random);

  constructor(options: PreferenceHandlersOptions<P>) {
    this.#options = options;
  }

  /** `GET /profile` */
  async getProfile(req: Request, res: Response): Promise<void> {
    const { username, sessionId } = this.#options.requireCaller(req);
    const current = await this.#options.service.read(username);
    const session = sessionId === undefined ? null : { id: sessionId };
    sendWithEtag(req, res, current, { username: decodeSubject(username), session, ...this.#toResponse(current) });
  }

  /** `GET /preferences` */
  async getAll(req: Request, res: Response): Promise<void> {
    const current = await this.#read(req);
    sendWithEtag(req, res, current, this.#toResponse(current));
  }

  /** `PATCH /preferences` */
  async patch(req: Request, res: Response): Promise<void> {
    const patch = requireBody(req);
    if (!isObject(patch)) throw badRequest('The body must be a JSON object of preferences by name.');
    await this.#edit(req, res, ({ document }) => applyMergePatch(document.preferences, patch));
  }

  /** `GET /preferences/:name` */
  async getOne(req: Request, res: Response): Promise<void> {
    const name = this.#requireName(req);
    const current = await this.#read(req);
    sendWithEtag(req, res, current, toEntryMap(this.#toResponse(current).preferences).get(name) ?? null);
  }

  /** `PUT /preferences/:name` */
  async putOne(req: Request, res: Response): Promise<void> {
    const name = this.#requireName(req);
    const value = requireBody(req);
    if (value === null) throw new InvalidPreferencesError([{ path: [name], message: 'must not be null' }]);
    await this.#edit(req, res, () => ({ [name]: value }));
  }

  /** `DELETE /preferences/:name`. Writes nothing when the preference is not set. */
  async deleteOne(req: Request, res: Response): Promise<void> {
    const name = this.#requireName(req);
    await this.#edit(req, res, ({ document, stored }) =>
      [document, stored].some(({ preferences }) => toEntryMap(preferences).has(name)) ? { [name]: null } : {},
    );
  }

  /** Stores an edit and sends the resulting preferences. */
  async #edit(req: Request, res: Response, computePatch: ComputePatch<P>): Promise<void> {
    const { assertActive, requireCaller, service } = this.#options;
    const caller = requireCaller(req);
    // Access was checked before the body, which may have taken long to arrive.
    await assertActive(caller);
    const edited = await service.edit(caller.username, this.#device, (current) => {
      assertIfMatch(req.headers['if-match'], current.token);
      return computePatch(current);
    });
    res.setHeader('ETag', entityTag(edited.token));
    sendJson(res, 200, this.#toResponse(edited));
  }

  #read(req: Request): Promise<UserPreferences<P>> {
    return this.#options.service.read(this.#options.requireCaller(req).username);
  }

  #requireName(req: Request): string {
    return requirePreferenceName(req, this.#options.definition.names);
  }

  #toResponse(preferences: UserPreferences<P>): ReturnType<typeof createPreferencesResponse<P>> {
    return createPreferencesResponse(preferences, this.#options.definition);
  }
}

/** Sends `body`, or 304 when the client already has this state. */
function sendWithEtag(req: Request, res: Response, { token }: Pick<UserPreferences, 'token'>, body: unknown): void {
  res.setHeader('ETag', entityTag(token));
  if (isNotModified(req.headers['if-none-match'], token)) sendEmpty(res, 304);
  else sendJson(res, 200, body);
}

/** Own properties only, without those of the prototype. */
const toEntryMap = (preferences: object): ReadonlyMap<string, unknown> => new Map(Object.entries(preferences));
