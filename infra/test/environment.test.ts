/** The function's environment against the contract. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { names, variables } from '../lib/contract';
import { LOCKDOWN, MODELS, only, PAYER, QUARANTINE, synthesize } from './support';

const environment: Record<string, string> = only(synthesize().template, 'AWS::Lambda::Function').Environment.Variables;

it('the function is given what it knows by these names, and nothing else', () => {
  assert.deepEqual(environment, {
    snstopic: names.topic,
    snsregion: 'us-east-1',
    accountnumber: PAYER,
    envaction: 'proceed',
    statetable: names.table,
    policyfile: names.policyFile,
    quarantinepolicy: QUARANTINE,
    modelspolicy: MODELS,
    lockdownpolicy: LOCKDOWN,
  });
});

it('every variable that the function requires is set, and every one that is set is known to it', () => {
  const required = Object.entries(variables).filter(([, need]) => need === 'required');
  for (const [name] of required) assert.ok(environment[name], name);
  for (const name of Object.keys(environment)) assert.ok(name in variables, name);
});
