use super::*;

fn own() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

fn other() -> Principal {
    Principal::Account(AccountId::parse("999999999999").unwrap())
}

fn provider(name: &str) -> Principal {
    Principal::Provider(name.to_owned())
}

fn admits(principal: &str, condition: &str) -> Vec<Principal> {
    let action = r#""Action":"sts:AssumeRole""#;
    admitted(&format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},{action}{condition}}}]}}"#), &own())
}

/// Those of them who come from outside of the account.
fn outsiders(principal: &str) -> Vec<Principal> {
    admits(principal, "").into_iter().filter(|principal| !principal.is_inside(&own())).collect()
}

#[test]
fn its_own_account_services_and_the_deleted_are_no_outsiders() {
    for principal in [
        r#"{"Service":"ec2.amazonaws.com"}"#,
        r#"{"Service":["lambda.amazonaws.com","edgelambda.amazonaws.com"]}"#,
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:user/alice"]}"#,
        r#"{"AWS":"AIDAEXAMPLEEXAMPLE000"}"#,
    ] {
        assert_eq!(outsiders(principal), [], "{principal}");
    }
    assert_eq!(admits(r#"{"AWS":"111111111111"}"#, ""), [Principal::Account(own())]);
}

#[test]
fn another_account_is_an_outsider_in_every_spelling() {
    for principal in [
        r#"{"AWS":"999999999999"}"#,
        r#"{"AWS":"arn:aws:iam::999999999999:root"}"#,
        r#"{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::999999999999:role/miner"],"Service":"ec2.amazonaws.com"}"#,
        r#"{"AWS":"arn:aws:sts::999999999999:assumed-role/miner/session"}"#,
    ] {
        assert_eq!(outsiders(principal), [other()], "{principal}");
    }
}

#[test]
fn everybody_is_anybody_unless_an_organization_is_named() {
    assert_eq!(admits(r#""*""#, ""), [Principal::Anybody]);
    assert_eq!(
        admits(r#"{"AWS":"*"}"#, r#","Condition":{"StringLike":{"aws:PrincipalOrgID":"*"}}"#),
        [Principal::Anybody]
    );
    let named = admits(r#"{"AWS":"*"}"#, r#","Condition":{"StringEquals":{"aws:principalorgid":["o-one","o-two"]}}"#);
    assert_eq!(named, [Principal::Organizations(vec!["o-one".to_owned(), "o-two".to_owned()])]);
}

#[test]
fn an_identity_provider_is_an_outsider_by_one_name() {
    for (said, name) in [
        (
            "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com",
            "token.actions.githubusercontent.com",
        ),
        (
            "arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB",
            "oidc.eks.eu-west-1.amazonaws.com/id/AB",
        ),
        ("arn:aws:iam::111111111111:saml-provider/university", "saml-provider/university"),
        ("cognito-identity.amazonaws.com", "cognito-identity.amazonaws.com"),
        ("accounts.google.com", "accounts.google.com"),
        ("arn:aws:iam::999999999999:saml-provider/university", "arn:aws:iam::999999999999:saml-provider/university"),
    ] {
        assert_eq!(outsiders(&format!(r#"{{"Federated":"{said}"}}"#)), [provider(name)], "{said}");
        assert_eq!(provider_name(said, &own()), name);
    }
    assert_eq!(provider_name("oidc-provider/accounts.google.com", &own()), "accounts.google.com");
    // A SAML provider may be called anything, also like the address of another.
    let named_alike = "arn:aws:iam::111111111111:saml-provider/accounts.google.com";
    assert_eq!(provider_name(named_alike, &own()), "saml-provider/accounts.google.com");
}

#[test]
fn a_service_that_hands_sessions_to_somebody_outside_is_a_provider() {
    for (gateway, page) in GATEWAYS {
        assert_eq!(outsiders(&format!(r#"{{"Service":"{gateway}"}}"#)), [provider(gateway)]);
        assert!(page.starts_with("https://docs.aws.amazon.com/"), "{page}");
    }
    assert_eq!(outsiders(r#"{"Service":"ssm.eu-west-1.amazonaws.com"}"#), [provider("ssm.amazonaws.com")]);
    assert_eq!(outsiders(r#"{"Service":"ssm-incidents.amazonaws.com"}"#), []);
}

#[test]
fn systems_manager_is_no_outsider_where_its_automation_alone_is_admitted() {
    let systems_manager = r#"{"Service":"ssm.amazonaws.com"}"#;
    let where_source = |operator: &str, arn: &str| {
        admits(systems_manager, &format!(r#","Condition":{{"{operator}":{{"aws:SourceArn":{arn}}}}}"#))
    };
    let execution = r#""arn:aws:ssm:*:111111111111:automation-execution/*""#;
    let inside = [Principal::Service("ssm.amazonaws.com".to_owned())];
    assert_eq!(where_source("ArnLike", execution), inside);
    assert_eq!(where_source("ArnEquals", &format!("[{execution}]")), inside);
    for outside in [
        r#""arn:aws:ssm:eu-west-1:111111111111:*""#.to_owned(),
        format!(r#"[{execution},"arn:aws:ssm:*:111111111111:managed-instance/*"]"#),
        "[]".to_owned(),
        r#""*:automation-execution/*""#.to_owned(),
    ] {
        assert_eq!(where_source("ArnLike", &outside), [provider("ssm.amazonaws.com")], "{outside}");
    }
    assert_eq!(where_source("ArnNotLike", execution), [provider("ssm.amazonaws.com")]);
}

#[test]
fn what_is_not_understood_admits_anybody() {
    for document in [
        "",
        "not json",
        r#"{"Statement":{"Principal":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111111111111"}}}"#,
    ] {
        assert_eq!(admitted(document, &own()), [Principal::Anybody], "{document}");
    }
    for principal in
        [r#"{"AWS":"some-word"}"#, r#"{"AWS":[7]}"#, r#"{"Federated":"*"}"#, r#"{"Service":7}"#, r#"{"New":"x"}"#]
    {
        assert_eq!(admits(principal, ""), [Principal::Anybody], "{principal}");
    }
}

#[test]
fn a_statement_that_denies_admits_nobody() {
    assert_eq!(admitted(r#"{"Statement":{"Effect":"Deny","Principal":"*"}}"#, &own()), []);
}
