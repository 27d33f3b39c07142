import { errorFinding, okFinding, type Finding } from '../finding.ts';
import type { NodeSettings } from './node-settings.ts';

/** Checks the settings on which the access rules of the databases depend. */
export function evaluateSecuritySettings({ name, sections: { couchdb } }: NodeSettings): Finding[] {
  const isEditable = couchdb['users_db_security_editable'] === 'true';
  const defaultSecurity = couchdb['default_security'];
  return [
    ...(isEditable
      ? [
          errorFinding(
            'settings',
            `[couchdb] users_db_security_editable is true on ${name}, so the access rules of the accounts can be changed. Remove it unless you need that.`,
          ),
        ]
      : []),
    defaultSecurity === 'everyone'
      ? errorFinding(
          'new databases',
          `[couchdb] default_security is everyone on ${name}, so a database that was created again, to restore a backup for example, is open to everyone until "npm run setup" has run. Remove the setting.`,
        )
      : okFinding('new databases', `On ${name} a new database is open to server admins only.`),
  ];
}
