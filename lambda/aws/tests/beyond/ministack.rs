//! The rules of the contract that ministack cannot keep.

/// What ministack cannot, each with the reason and how it shows.
pub const BEYOND: &[(&str, &str, &str)] = &[
    ("enabled_regions_are_listed_and_others_are_not", "every region is enabled", "ap-southeast-5"),
    (
        "a_region_without_launchers_has_none",
        "there are no Spot fleets, so EC2 fleets are unknown too",
        "Unknown EC2 action: DescribeSpotFleetRequests",
    ),
    ("an_instance_is_seen_from_its_launch_on", "what is launched runs at once", "Running)]"),
    ("a_spot_instance_names_its_request", "there are no Spot requests", "Unknown EC2 action: RequestSpotInstances"),
    (
        "groups_and_fleets_are_seen",
        "there are no Spot fleets, so EC2 fleets are unknown too",
        "Unknown EC2 action: RequestSpotFleet",
    ),
    (
        "groups_and_fleets_tell_their_age",
        "there are no Spot fleets, so EC2 fleets are unknown too",
        "Unknown EC2 action: RequestSpotFleet",
    ),
    (
        "an_ssh_key_is_a_credential_of_its_user",
        "there are no credentials but keys and passwords",
        // Service-specific ones, SSH keys and certificates are asked for at once: whichever is refused first.
        "Unknown IAM action: ListS",
    ),
    ("a_dedicated_host_is_seen_where_it_is", "there are no Dedicated Hosts", "Unknown EC2 action: AllocateHosts"),
    ("what_root_has_not_needs_no_deleting", "there is no AssumeRoot", "left: Err(Invalid)"),
    ("every_page_of_accounts_is_read", "accounts are not paged", "not paged here"),
    ("every_page_of_units_and_of_their_accounts_is_read", "accounts are not paged", "accounts are not paged here"),
    ("every_page_of_instances_is_read", "instances are not paged", "not paged here"),
    ("every_page_of_groups_is_read", "groups are not paged", "not paged here"),
    ("every_page_of_users_is_read", "users are not paged", "not paged here"),
    ("every_page_of_roles_is_read", "roles are not paged", "not paged here"),
    (
        "an_empty_list_of_spot_requests_is_refused_and_nothing_happens",
        "there are no Spot requests",
        "Unknown EC2 action: RequestSpotInstances",
    ),
    ("what_is_terminated_is_neither_stopped_nor_started", "a terminated instance is stopped", "value: Done"),
    ("what_is_still_pending_cannot_be_stopped_yet", "what is launched runs at once", "value: Done"),
    (
        "one_time_spot_cannot_be_stopped_but_terminated",
        "there are no Spot requests",
        "Unknown EC2 action: RequestSpotInstances",
    ),
    ("stop_protection_refuses_a_stop_until_it_is_taken_off", "instances have no protections", "left: Err(Invalid)"),
    ("stop_protection_refuses_a_termination_too", "instances have no protections", "left: Err(Invalid)"),
    ("termination_protection_refuses_a_termination_and_no_stop", "instances have no protections", "left: Err(Invalid)"),
    ("protection_of_an_instance_that_is_not_there_is_not_found", "instances have no protections", "left: Err(Invalid)"),
    ("a_group_is_suspended_and_resumed", "groups have no processes", "left: Err(Invalid)"),
    ("processes_that_are_not_named_stay_suspended", "groups have no processes", "left: Err(Invalid)"),
    ("a_group_that_is_not_there_is_invalid", "groups have no processes", "left: Err(Invalid)"),
    (
        "an_ec2_fleet_goes_to_zero_and_back_and_its_instances_run_on",
        "there are no fleets to be seen or modified",
        "Unknown EC2 action: DescribeSpotFleetRequests",
    ),
    (
        "a_spot_fleet_goes_to_zero_and_back_and_its_instances_run_on",
        "there are no fleets to be seen or modified",
        "Unknown EC2 action: RequestSpotFleet",
    ),
    (
        "a_fleet_that_is_gone_needs_no_zeroing_and_takes_nothing_back",
        "there are no fleets to be seen or modified",
        "left: Err(Invalid)",
    ),
    (
        "a_spot_request_is_cancelled_and_its_instance_runs_on",
        "there are no Spot requests",
        "Unknown EC2 action: RequestSpotInstances",
    ),
    ("a_user_goes_only_when_nothing_hangs_on_it", "a user goes with its inline policies", "left: Ok(Done)"),
    (
        "a_user_to_whom_awss_deny_is_attached_can_do_nothing",
        "every policy of AWS's that it was not told of allows everything",
        "left: true",
    ),
    (
        "a_user_whose_boundary_is_awss_deny_can_do_nothing",
        "every policy of AWS's that it was not told of allows everything",
        "left: true",
    ),
    (
        "a_user_without_room_for_an_inline_policy_takes_an_attached_one",
        "there is no quota of inline policies",
        "left: Ok(Done)",
    ),
    (
        "a_user_without_room_for_an_attached_policy_takes_a_boundary",
        "there is no quota of attached policies",
        "left: Ok(Done)",
    ),
    (
        "a_role_without_room_for_an_inline_policy_takes_an_attached_one",
        "there is no quota of inline policies",
        "left: Ok(Done)",
    ),
    (
        "a_role_without_room_for_an_attached_policy_takes_a_boundary",
        "there is no quota of attached policies",
        "left: Ok(Done)",
    ),
    ("a_services_own_role_cannot_be_changed", "service-linked roles are like all others", "left: Ok(Done)"),
    (
        "an_ssh_key_is_deactivated_activated_and_removed",
        "there are no credentials but keys and passwords",
        "Unknown IAM action: UploadSSHPublicKey",
    ),
    (
        "a_credential_that_is_not_there_needs_no_deactivating_and_cannot_be_activated",
        "there are no credentials but keys and passwords",
        "left: Err(Invalid)",
    ),
];
