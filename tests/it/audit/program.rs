//! The program as an operator meets it: it does not serve unsealed, verifies by exit code, and logs no patient data.

use std::path::Path;
use std::process::{Command, Output};

use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::script::Party;
use kap_fhir::demo::{log_in, set_up};
use kap_fhir::store::{Options, Store};

use crate::app::tempdir::Folder;
use crate::idempotency::beginning;
use crate::program::{Program, free_address, keys, seal};
use crate::raw::Place;
use crate::wire::Ask;

const CANARY: &str = "ZZPHI7f3a";

fn program(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kap-fhir"));
    command
        .args(words)
        .env(
            "DATABASE_URL",
            format!("sqlite:{}", folder.join("kap.db").display()),
        )
        .env_remove("KAP_AUDIT_KEY");
    command
}

fn run(folder: &Path, words: &[&str]) -> Output {
    program(folder, words).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn it_does_not_serve_without_a_key_or_a_choice_of_disclosure() {
    let folder = Folder::new();
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--audit-key"), "{}", said(&refused));
    let key = folder.path().join("own.pem");
    let file = key.to_str().expect("path");
    assert!(
        run(folder.path(), &["audit", "keygen", file])
            .status
            .success()
    );
    assert!(
        !run(folder.path(), &["audit", "keygen", file])
            .status
            .success(),
        "not overwritten"
    );
    let serve = ["serve", "--listen", "127.0.0.1:0", "--audit-key", file];
    for more in [&[][..], &["--disclosure", "whatever"]] {
        let refused = run(folder.path(), &[&serve[..], more].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said(&refused).contains("--disclosure"),
            "{}",
            said(&refused)
        );
    }
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&key.metadata().expect("file").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_verifies_by_exit_code_and_logs_no_patient_data() {
    let folder = Folder::new();
    let key = seal(folder.path());
    let address = free_address();
    let base = format!("http://{address}");
    let url = format!("sqlite:{}", folder.path().join("kap.db").display());
    let store = Store::open(&url, Options::default()).await.expect("store");
    let app = assemble(store.into(), Clock::system(), "default", &base, None).expect("app");
    let accounts = set_up(&app, &beginning()).await.expect("parties");
    app.store.close().await;
    let private = keys(folder.path()).display().to_string();
    let words = ["--private-keys", private.as_str()];
    let service = Program::serve(&address, &url, folder.path(), &words).await;
    let callers = log_in(&base, &accounts, &Clock::system())
        .await
        .expect("tokens");
    let practice = &callers[&Party::Practice];
    for path in [
        format!("/fhir/Patient?name={CANARY}"),
        format!("/fhir/Patient/{CANARY}"),
        format!("/fhir/Patient?birthdate={CANARY}"),
        format!("/kap/v1/episodes/{CANARY}/trends"),
        format!("/kap/v1/patients/{CANARY}/disclosures"),
    ] {
        Ask::get(path).send(practice).await;
    }
    let body = format!("{{\"resourceType\":\"Patient\",\"name\":[{{\"family\":\"{CANARY}\"}}]}}");
    let create = Ask::post("/fhir/Patient", body).with("Content-Type", "application/fhir+json");
    assert_eq!(create.send(practice).await.status, 201);
    let log = service.stop();
    assert!(!log.contains(CANARY), "{log}");
    assert!(
        log.contains("audit head"),
        "the head is told to the log: {log}"
    );

    verify(folder, &key).await;
}

async fn verify(folder: Folder, key: &Path) {
    let place = Place::File(folder);
    let Place::File(folder) = &place else { return };
    let head = run(folder.path(), &["audit", "head"]);
    let head = String::from_utf8(head.stdout).expect("text");
    let (key, head) = (key.to_str().expect("path"), head.trim());
    let public = format!("{key}.pub");
    for key in [key, &public] {
        let whole = run(
            folder.path(),
            &["audit", "verify", "--audit-key", key, "--head", head],
        );
        assert!(whole.status.success(), "{}", said(&whole));
        assert!(
            !said(&whole).contains(CANARY) && said(&whole).contains(head),
            "{}",
            said(&whole)
        );
    }
    let cut = [
        "DROP TRIGGER audit_not_updated; DROP TRIGGER audit_batch_not_deleted;",
        "UPDATE audit SET detail = 'GET /fhir/Patient?name=Miller' WHERE detail LIKE '%ZZPHI%' AND kind = 'search';",
    ];
    place.run(&cut.concat()).await.expect("changed");
    let changed = run(folder.path(), &["audit", "verify", "--audit-key", key]);
    assert_eq!(changed.status.code(), Some(1), "{}", said(&changed));
    assert!(said(&changed).contains("was edited"), "{}", said(&changed));
    assert!(!said(&changed).contains("Miller") && !said(&changed).contains(CANARY));
    place
        .run("DELETE FROM audit_batch WHERE n = (SELECT MAX(n) FROM audit_batch)")
        .await
        .expect("cut");
    let short = run(
        folder.path(),
        &["audit", "verify", "--audit-key", key, "--head", head],
    );
    assert!(
        said(&short).contains("the chain ends at batch"),
        "{}",
        said(&short)
    );
    let nobody = run(
        folder.path(),
        &["audit", "disclosures", "--patient", "nobody"],
    );
    assert_eq!(nobody.status.code(), Some(1), "{}", said(&nobody));
    let patient = place
        .cell("SELECT MIN(id) FROM resource WHERE type = 'Patient'")
        .await;
    let told = run(
        folder.path(),
        &["audit", "disclosures", "--patient", &patient],
    );
    assert!(
        told.status.success() && said(&told).starts_with("at\torganization"),
        "{}",
        said(&told)
    );
}
