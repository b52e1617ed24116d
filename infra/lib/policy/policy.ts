/**
 * What the stack needs to know of the policy. How defaults and accounts are merged is decided in the function alone;
 * here is only what decides which resources exist.
 */
import schema from '../../generated/policy.schema.json';
import { names } from '../contract';

/** By the keys of the function's table of limits, and `warn`. */
export type Limits = Readonly<Record<string, number | undefined>>;

/** What a halt does, as far as a permission hangs on it. */
export interface Contain {
  readonly root?: 'leave' | 'delete-credentials';
}

/** The document as the schema admits it, as far as it is read here. */
export interface PolicyDocument {
  readonly payer: string;
  readonly organization: {
    readonly id: string;
    readonly root?: string;
    readonly ous?: readonly string[];
    readonly regions?: readonly string[];
    readonly memberRegion?: string;
    readonly closedRegions?: readonly string[];
  };
  readonly schedule?: string;
  readonly canary?: { readonly account: string; readonly region: string };
  readonly scale?: { readonly accountsPerWorker?: number; readonly maxConcurrency?: number };
  readonly cur?: { readonly bucket?: string; readonly prefix?: string };
  readonly chat?: Chat;
  readonly defaults: { readonly limits: Limits; readonly notify: readonly string[]; readonly contain?: Contain };
  readonly units?: Readonly<Record<string, Own>>;
  readonly accounts?: Readonly<Record<string, Own>>;
}

/** What an account or an organizational unit has of its own. */
export interface Own {
  readonly limits?: Limits;
  readonly notify?: readonly string[];
  readonly contain?: Contain;
}

/** Channels that are shown what the default list is mailed. */
export interface Chat {
  readonly slack?: { readonly workspace: string; readonly channel: string };
  readonly teams?: { readonly team: string; readonly tenant: string; readonly channel: string };
}

/** Where the Cost and Usage Reports are. */
export interface CostReports {
  readonly bucket: string;
  /** What the keys begin with: ends in a slash, or is empty for the whole bucket. */
  readonly prefix: string;
  /** Whether bucket and report are ours to make; otherwise both exist already. */
  readonly made: boolean;
}

/** How a sweep is divided among workers. */
export interface Scale {
  readonly accountsPerWorker: number;
  readonly maxConcurrency: number;
}

export class Policy {
  /** @param document validated; it is packed with the function as it is. */
  constructor(readonly document: PolicyDocument) {}

  /** The JSON that the function reads. */
  get packed(): string {
    return `${JSON.stringify(this.document, null, 2)}\n`;
  }

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

  /** Where members get launch rules, as the policy names them; perhaps none. */
  get regions(): readonly string[] {
    return this.document.organization.regions ?? [];
  }

  /** Where members get their roles. */
  get memberRegion(): string {
    return this.document.organization.memberRegion ?? names.homeRegion;
  }

  /** Where the organization denies its accounts everything, as far as the policy says so. */
  get closedRegions(): readonly string[] {
    return this.document.organization.closedRegions ?? [];
  }

  /** Whether it matters in which organizational units an account is. */
  get hasUnits(): boolean {
    return Object.keys(this.document.units ?? {}).length > 0;
  }

  /** Whether an organizational unit has a notify list. */
  get unitsHaveLists(): boolean {
    return Object.values(this.document.units ?? {}).some(({ notify }) => notify !== undefined);
  }

  /** Whether a halt of any account deletes its root user's credentials. */
  get deletesRootCredentials(): boolean {
    return this.parts.some(({ contain }) => contain?.root === 'delete-credentials');
  }

  /**
   * US dollars a month at which the alarm of every account is without an amount of its own; undefined where there is no such limit.
   * A unit's amount has no alarm: which accounts it has is not known here and changes. The function judges by it at every sweep.
   */
  get spendMonth(): number | undefined {
    return this.document.defaults.limits.spendMonth;
  }

  /** The payer with its amount, in US dollars a month; empty where there is none. No stack set reaches it, so the default counts too. */
  get payerSpend(): ReadonlyMap<string, number> {
    const amount = this.document.accounts?.[this.payer]?.limits?.spendMonth ?? this.spendMonth;
    return new Map(amount === undefined ? [] : [[this.payer, amount]]);
  }

  /**
   * Accounts with an amount of their own, in US dollars a month, which the payer watches for them. The payer is not among them
   * even if it has one: between its default and its own amount its alarm would have to move to another stack, under one name.
   */
  get ownSpend(): ReadonlyMap<string, number> {
    const others = Object.entries(this.document.accounts ?? {}).filter(([id]) => id !== this.payer);
    return new Map(
      others.flatMap(([id, { limits }]) => (limits?.spendMonth === undefined ? [] : [[id, limits.spendMonth]])),
    );
  }

  /** The reports that are read, as the function finds them; undefined where none are. */
  get costReports(): CostReports | undefined {
    const { cur } = this.document;
    if (cur === undefined) return undefined;
    const made = cur.bucket === undefined;
    const folder = cur.prefix === undefined ? undefined : `${cur.prefix.replace(/\/+$/, '')}/`;
    return {
      made,
      bucket: cur.bucket ?? `${names.reportBucketPrefix}${this.payer}`,
      prefix: folder ?? (made ? names.reportPrefix : ''),
    };
  }

  /** How a sweep is divided among workers; undefined where one function sweeps every account. */
  get scale(): Scale | undefined {
    const { scale } = this.document;
    if (scale === undefined) return undefined;
    const { accountsPerWorker, maxConcurrency } = schema.$defs.ScaleSettings.properties;
    return {
      accountsPerWorker: scale.accountsPerWorker ?? accountsPerWorker.default,
      maxConcurrency: scale.maxConcurrency ?? maxConcurrency.default,
    };
  }

  get chat(): Chat | undefined {
    return this.document.chat;
  }

  /** Whether some account's purchases are limited. */
  get limitsPurchases(): boolean {
    return this.parts.some(({ limits }) => limits?.purchases !== undefined);
  }

  get scheduleMinutes(): number {
    return Number.parseInt(this.document.schedule ?? schema.properties.schedule.default, 10);
  }

  /** Who is told about every account that has no list of its own. */
  get notify(): readonly string[] {
    return once(this.document.defaults.notify);
  }

  /** Accounts and units with a list of their own, by their ids; it replaces the default one. */
  get ownNotify(): ReadonlyMap<string, readonly string[]> {
    const own = Object.entries({ ...this.document.units, ...this.document.accounts });
    return new Map(own.flatMap(([id, { notify }]) => (notify ? [[id, once(notify)] as const] : [])));
  }

  /** Everything that may hold for some account. */
  private get parts(): readonly Own[] {
    const { defaults, units, accounts } = this.document;
    return [defaults, ...Object.values(units ?? {}), ...Object.values(accounts ?? {})];
  }
}

/** One subscription an address, however often a list has it. */
function once(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)];
}
