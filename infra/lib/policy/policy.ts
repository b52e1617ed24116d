/**
 * What the stack needs to know of the policy. How defaults and accounts are merged is decided in the function alone;
 * here is only what decides which resources exist.
 */
import schema from '../../generated/policy.schema.json';

export interface Limits {
  readonly instances?: number;
  readonly vcpus?: number;
  readonly spendMonth?: number;
}

/** The document as the schema admits it, as far as it is read here. */
export interface PolicyDocument {
  readonly payer: string;
  readonly organization: { readonly id: string; readonly root?: string; readonly ous?: readonly string[] };
  readonly schedule?: string;
  readonly defaults: { readonly limits: Limits; readonly notify: readonly string[] };
  readonly accounts?: Readonly<Record<string, { readonly limits?: Limits; readonly notify?: readonly string[] }>>;
}

export class Policy {
  /** @param document validated; it is packed with the function as it is. */
  constructor(readonly document: PolicyDocument) {}

  get payer(): string {
    return this.document.payer;
  }

  get organization(): string {
    return this.document.organization.id;
  }

  /** The parts of the organization that are enrolled: units instead of the root where both are named; perhaps none. */
  get enrolled(): readonly string[] {
    const { root, ous } = this.document.organization;
    return ous ?? (root === undefined ? [] : [root]);
  }

  get scheduleMinutes(): number {
    return Number.parseInt(this.document.schedule ?? schema.properties.schedule.default, 10);
  }

  /** Who is told about every account that has no list of its own. */
  get notify(): readonly string[] {
    return this.document.defaults.notify;
  }

  /** Accounts with a list of their own, which replaces the default one. */
  get ownNotify(): ReadonlyMap<string, readonly string[]> {
    const accounts = Object.entries(this.document.accounts ?? {});
    return new Map(accounts.flatMap(([id, { notify }]) => (notify ? [[id, notify] as const] : [])));
  }
}
