//! The pains by number, the threads that tell of them, and the tests that show that they are not had here.

/// A pain, and what shows that it is not had here.
pub struct Pain {
    pub number: usize,
    pub what: &'static str,
    /// Threads on GitHub, `owner/name#number`.
    pub told: &'static [&'static str],
    /// Files and the tests in them.
    pub shown: &'static [(&'static str, &'static [&'static str])],
}

pub const PAINS: &[Pain] = &[
    Pain {
        number: 1,
        what: "searches collapse as data grow: lists of values, chains, counts, plans",
        told: &[
            "hapifhir/hapi-fhir#8247",
            "hapifhir/hapi-fhir#7624",
            "LinuxForHealth/FHIR#1673",
            "LinuxForHealth/FHIR#264",
            "HeliosSoftware/hfs#224",
            "medplum/medplum#4212",
        ],
        shown: &[
            (
                "src/store/tests/plans.rs",
                &["no_statement_of_a_request_walks_a_tenant"],
            ),
            (
                "tests/it/pains/many.rs",
                &[
                    "many_values_find_what_each_of_them_finds",
                    "nothing_is_counted_that_nobody_asked_for",
                ],
            ),
        ],
    },
    Pain {
        number: 2,
        what: "conditional creates race, entries are dropped, transactions deadlock",
        told: &[
            "hapifhir/hapi-fhir-jpaserver-starter#459",
            "hapifhir/hapi-fhir#1819",
            "hapifhir/hapi-fhir#4738",
            "hapifhir/hapi-fhir#6153",
            "hapifhir/hapi-fhir#8183",
            "LinuxForHealth/FHIR#3539",
        ],
        shown: &[
            (
                "tests/it/pains/writes.rs",
                &[
                    "creates_at_once_under_one_condition_make_one",
                    "two_entries_under_one_condition_are_both_named",
                ],
            ),
            (
                "tests/it/bundles/contention.rs",
                &["transactions_in_opposite_order_lose_no_update"],
            ),
            (
                "tests/it/fhir_door/transactions.rs",
                &["twice_at_once_is_once"],
            ),
        ],
    },
    Pain {
        number: 3,
        what: "a transaction that is a batch, or a success that was not stored",
        told: &[
            "medplum/medplum#9477",
            "medplum/medplum#9811",
            "medplum/medplum#1369",
        ],
        shown: &[
            (
                "tests/it/pains/writes.rs",
                &["a_transaction_of_many_is_whole_or_not_at_all"],
            ),
            (
                "tests/it/bundles.rs",
                &[
                    "a_transaction_that_fails_changes_nothing",
                    "each_entry_of_a_batch_stands_alone",
                ],
            ),
            (
                "tests/it/fhir_door/transactions.rs",
                &["nothing_is_stored_where_one_entry_fails"],
            ),
            ("tests/it/crash.rs", &["nothing_acknowledged_is_lost"]),
        ],
    },
    Pain {
        number: 4,
        what: "subscriptions are taken and then forgotten",
        told: &[
            "hapifhir/hapi-fhir#6002",
            "hapifhir/hapi-fhir#675",
            "hapifhir/hapi-fhir#3234",
            "LinuxForHealth/FHIR#3628",
            "LinuxForHealth/FHIR#1289",
            "microsoft/fhir-server#1114",
        ],
        shown: &[
            (
                "tests/it/pains/writes.rs",
                &["no_subscription_is_taken_that_would_not_be_served"],
            ),
            (
                "tests/it/subscription/crash.rs",
                &["nothing_is_lost_doubled_or_out_of_order"],
            ),
            (
                "tests/it/subscription/failing.rs",
                &["after_three_days_it_is_an_error_and_nothing_is_lost"],
            ),
        ],
    },
    Pain {
        number: 5,
        what: "what was written is not found by the next search",
        told: &[
            "hapifhir/hapi-fhir#647",
            "hapifhir/hapi-fhir#1389",
            "hapifhir/hapi-fhir#2277",
            "hapifhir/hapi-fhir#1929",
        ],
        shown: &[(
            "tests/it/pains/writes.rs",
            &["what_was_written_is_found_by_the_next_search"],
        )],
    },
    Pain {
        number: 6,
        what: "pages repeat, lose or end in nothing; their links fail",
        told: &[
            "microsoft/fhir-server#1792",
            "microsoft/fhir-server#2250",
            "microsoft/fhir-server#1102",
            "hapifhir/hapi-fhir#6549",
            "hapifhir/hapi-fhir#7711",
            "hapifhir/hapi-fhir#3608",
            "hapifhir/hapi-fhir#2552",
        ],
        shown: &[
            (
                "tests/it/pains/many.rs",
                &[
                    "pages_end_where_the_matches_end",
                    "a_link_is_as_short_as_its_search",
                ],
            ),
            ("tests/it/fhir_door/search.rs", &["pages_are_stable"]),
            (
                "tests/it/search/order.rs",
                &["matches_come_in_the_order_that_is_asked_for"],
            ),
            (
                "tests/it/cursors.rs",
                &["a_cursor_is_sealed_and_of_its_list_its_client_and_its_time"],
            ),
            (
                "tests/it/replicas.rs",
                &["a_cursor_of_one_is_a_cursor_of_both"],
            ),
        ],
    },
    Pain {
        number: 7,
        what: "unknown parameters are passed over in silence, and the filter with them",
        told: &["microsoft/fhir-server#612", "LinuxForHealth/FHIR#1952"],
        shown: &[
            (
                "tests/it/pains/many.rs",
                &["a_parameter_that_there_is_not_is_told_or_refused"],
            ),
            (
                "tests/it/search/faults.rs",
                &["every_fault_is_an_issue_of_its_own"],
            ),
        ],
    },
    Pain {
        number: 8,
        what: "validation is slow, forgets, and fills the memory",
        told: &[
            "hapifhir/hapi-fhir#6091",
            "hapifhir/hapi-fhir#6946",
            "hapifhir/hapi-fhir#6505",
            "hapifhir/hapi-fhir#5133",
            "hapifhir/hapi-fhir-jpaserver-starter#711",
        ],
        shown: &[
            (
                "src/fhir/profile/tests.rs",
                &["all_of_them_are_known_and_all_of_their_rules_can_be_read"],
            ),
            (
                "tests/it/pains/whole.rs",
                &[
                    "a_verdict_does_not_age",
                    "the_program_alone_serves_in_little_memory",
                ],
            ),
        ],
    },
    Pain {
        number: 9,
        what: "it needs gigabytes and minutes to start",
        told: &["LinuxForHealth/FHIR#3111", "openhie/instant#122"],
        shown: &[(
            "tests/it/pains/whole.rs",
            &["the_program_alone_serves_in_little_memory"],
        )],
    },
    Pain {
        number: 10,
        what: "chains, counts and tenants tell what may not be seen",
        told: &[
            "hapifhir/hapi-fhir#6065",
            "hapifhir/hapi-fhir#1507",
            "hapifhir/hapi-fhir#2012",
            "hapifhir/hapi-fhir#5184",
            "hapifhir/hapi-fhir#7387",
        ],
        shown: &[
            (
                "tests/it/pains/whole.rs",
                &["a_tenant_is_not_there_for_another"],
            ),
            (
                "tests/it/proof/directed/chains.rs",
                &[
                    "what_is_hidden_meets_no_criterion",
                    "everything_that_comes_along_is_seen_by_itself",
                ],
            ),
            (
                "tests/it/proof/directed/pages.rs",
                &["totals_and_pages_know_of_nothing_hidden"],
            ),
            (
                "tests/it/proof/worlds.rs",
                &["no_client_can_tell_the_worlds_apart"],
            ),
            (
                "tests/it/across.rs",
                &["narrowed_scopes_hold_on_every_step"],
            ),
        ],
    },
    Pain {
        number: 11,
        what: "SMART backend services are hard to set up, and a refusal does not say why",
        told: &[
            "Alvearie/keycloak-extensions-for-fhir#69",
            "hapifhir/hapi-fhir-jpaserver-starter#251",
            "hapifhir/hapi-fhir-jpaserver-starter#354",
            "LinuxForHealth/FHIR#1672",
        ],
        shown: &[
            (
                "src/auth/tests/mutations.rs",
                &["every_bent_request_meets_its_error_with_either_algorithm"],
            ),
            ("tests/it/oauth.rs", &["bent_requests"]),
            ("tests/it/smart.rs", &["both_algorithms", "discovery"]),
            (
                "src/auth/tests/flow.rs",
                &["keys_may_be_published_at_a_url"],
            ),
            (
                "tests/it/pains/whole.rs",
                &["a_refused_login_says_which_claim_is_wrong"],
            ),
        ],
    },
    Pain {
        number: 12,
        what: "errors do not say where",
        told: &[
            "LinuxForHealth/FHIR#2556",
            "LinuxForHealth/FHIR#1336",
            "hapifhir/hapi-fhir#5131",
            "hapifhir/hapi-fhir#4457",
            "microsoft/fhir-server#1452",
        ],
        shown: &[
            (
                "tests/it/malformed.rs",
                &["every_row_is_refused_as_it_says"],
            ),
            (
                "tests/it/fhir_door/rules.rs",
                &["refusals_name_their_element"],
            ),
            (
                "tests/it/fhir_door/references.rs",
                &["references_within_a_transaction"],
            ),
            ("tests/it/bad_input/requests.rs", &["bad_requests"]),
        ],
    },
    Pain {
        number: 13,
        what: "generators reject the OpenAPI file",
        told: &["hapifhir/hapi-fhir#4137", "FHIR/fhir-codegen#98"],
        shown: &[
            (
                "tests/it/pains/whole.rs",
                &["the_contract_can_be_generated_from"],
            ),
            (
                "tests/it/contract.rs",
                &[
                    "every_example_is_as_its_schema_says",
                    "the_file_has_the_routes_of_the_code_and_no_others",
                    "answers_are_as_described",
                ],
            ),
        ],
    },
    Pain {
        number: 14,
        what: "a bulk export is stuck, or empty the second time",
        told: &[
            "hapifhir/hapi-fhir#4511",
            "hapifhir/hapi-fhir#4013",
            "hapifhir/hapi-fhir-jpaserver-starter#406",
            "microsoft/fhir-server#3425",
            "LinuxForHealth/FHIR#2419",
        ],
        shown: &[
            (
                "tests/it/export/again.rs",
                &["an_export_is_the_same_again_and_counts_what_there_is"],
            ),
            ("tests/it/export.rs", &["an_export_is_what_its_client_sees"]),
            (
                "tests/it/export/meanwhile.rs",
                &["an_export_goes_on_after_a_crash"],
            ),
        ],
    },
    Pain {
        number: 15,
        what: "the audit is no FHIR, or nobody can read it",
        told: &["microsoft/fhir-server#2611"],
        shown: &[
            (
                "tests/it/audit/events.rs",
                &["events_are_searched", "who_sees_which_events"],
            ),
            (
                "tests/it/audit/disclosures.rs",
                &["what_went_to_others_is_told_to_the_practice"],
            ),
            ("tests/it/audit/shapes.rs", &["each_kind_is_told_as_agreed"]),
            ("tests/it/audit/kinds.rs", &["every_route_leaves_a_trace"]),
        ],
    },
    Pain {
        number: 16,
        what: "after an upgrade searches find less, or slowly",
        told: &["medplum/medplum#7310"],
        shown: &[
            (
                "tests/it/search/reindex.rs",
                &["old_records_are_indexed_anew_while_the_service_runs"],
            ),
            (
                "src/fhir/search/tests/values.rs",
                &["what_a_search_needs_of_a_newer_index_is_named"],
            ),
            (
                "src/store/migrate.rs",
                &["only_a_beginning_of_what_is_known_is_accepted"],
            ),
        ],
    },
];
