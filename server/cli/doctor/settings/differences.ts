import { errorFinding, okFinding, type Finding } from '../finding.ts';
import type { NodeSettings, Section } from './node-settings.ts';

/** The settings that must be equal on all nodes, because a load balancer may choose any of them. */
const COMPARED: readonly (readonly [section: Section, key: string])[] = [
  ['chttpd', 'authentication_handlers'],
  ['chttpd', 'require_valid_user'],
  ['chttpd', 'max_http_request_size'],
  ['couchdb', 'max_document_size'],
  ['couchdb', 'changes_doc_ids_optimization_threshold'],
  ['couchdb', 'default_security'],
  ['jwt_auth', 'required_claims'],
  ['jwt_auth', 'roles_claim_name'],
  ['jwt_auth', 'roles_claim_path'],
];

/** Compares the nodes of a cluster. Names the settings that differ, and no value, since keys are secrets. */
export function evaluateDifferences(nodes: readonly NodeSettings[]): Finding[] {
  const [first, ...others] = nodes;
  if (first === undefined || others.length === 0) return [];
  const keyNames = new Set(nodes.flatMap(({ sections }) => Object.keys(sections.jwt_keys)));
  const compared = [...COMPARED, ...[...keyNames].sort().map((key) => ['jwt_keys', key] as const)];
  const differing = compared.filter(([section, key]) =>
    others.some(({ sections }) => sections[section][key] !== first.sections[section][key]),
  );
  const check = 'node differences';
  if (differing.length === 0) return [okFinding(check, 'The nodes of the cluster have the same settings.')];
  const names = differing.map(([section, key]) => `[${section}] ${key}`).join(', ');
  return [
    errorFinding(
      check,
      `The nodes of the cluster differ in ${names}, so requests fail or succeed depending on the node. Set the same values on all nodes.`,
    ),
  ];
}
