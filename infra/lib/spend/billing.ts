/** What AWS itself knows of money: what an instance costs an hour, and what each account is charged. */
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { grant } from '../shared/grant';

export class Billing extends Construct {
  /** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awspricelist.html */
  grantReadPrices(grantee: IGrantable): void {
    grant(grantee, {
      sid: 'ReadPrices',
      actions: ['pricing:GetProducts'],
      resources: ['*'],
      because: 'GetProducts has no resource to name; it reads the public price list.',
    });
  }

  /** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html */
  grantReadCharges(grantee: IGrantable): void {
    grant(grantee, {
      sid: 'ReadCharges',
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      because:
        'A metric has no resource to name, and GetMetricData no condition on its namespace; it reads metrics of the payer.',
    });
  }
}
