/**
 * The forms that markers have in Redis, and the scripts that know them: a string, or a field of a hash.
 * Invariant kept: each script does for its form what the other does for strings; the hot one knows one form only.
 */
import { loadScript, type Script, type ScriptArgument } from './script.ts';

export interface MarkerForm {
  /** As Redis calls the type of the key. */
  readonly type: 'string' | 'hash';
  /** Comes after all other arguments of each of the scripts. */
  readonly last: readonly ScriptArgument[];
  readonly observe: Script;
  readonly screen: Script;
  readonly reissue: Script;
  readonly remove: Script;
  readonly setExpiry: Script;
  readonly replace: Script;
}

function load(name: string): Script {
  return loadScript(new URL(`./${name}.lua`, import.meta.url));
}

export const stringMarkers: MarkerForm = {
  type: 'string',
  last: [],
  observe: load('observe-marker'),
  screen: load('screen-markers'),
  reissue: load('reissue-marker'),
  remove: load('delete-marker'),
  setExpiry: load('set-expiry'),
  replace: load('replace-marker'),
};

const hashMarkers: MarkerForm = {
  type: 'hash',
  last: [],
  observe: load('observe-hash'),
  screen: load('screen-hashes'),
  reissue: load('reissue-hash'),
  remove: load('delete-hash'),
  setExpiry: load('set-hash-expiry'),
  replace: load('replace-hash'),
};

/** @param hashField the field that holds a marker's value; markers are strings unless given */
export function markerForm(hashField: string | undefined): MarkerForm {
  return hashField === undefined ? stringMarkers : { ...hashMarkers, last: [hashField] };
}
