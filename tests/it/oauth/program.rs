//! The register of clients as an operator meets it.

use super::*;

#[test]
fn a_key_is_one_client_s_unless_the_operator_says_otherwise() {
    let folder = tempdir::Folder::new();
    let file = |name: &str| {
        let path = folder.path().join(name);
        let set = Pairs::generate().public_set().to_string();
        std::fs::write(&path, set).expect("file");
        path.display().to_string()
    };
    let (first, second) = (file("first.json"), file("second.json"));
    let url = format!("sqlite:{}", folder.path().join("kap.db").display());
    let run = |words: &[&str]| {
        let output = crate::program::run(words, &url);
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let add = |id: &str, more: &[&str]| {
        let words = [
            "client",
            "add",
            "--id",
            id,
            "--name",
            "An EHR",
            "--organization",
            "clinic",
        ];
        let rest = ["--role", "external-ehr", "--scopes", "system/Patient.rs"];
        run(&[&words[..], &rest, more].concat())
    };
    let organization = ["organization", "add", "--id", "clinic", "--name", "Clinic"];
    let kind = ["--type", "external-provider"];
    let (done, said) = run(&[&organization[..], &kind].concat());
    assert!(done, "{said}");
    assert!(add("a", &["--jwks", &first]).0);
    let (done, said) = add("b", &["--jwks", &first]);
    assert!(!done && said.contains("another client's"), "{said}");
    assert!(add("b", &["--jwks", &first, "--shared-key"]).0);
    // A client that gives its key up leaves it to others.
    assert!(run(&["client", "keys", "--id", "a", "--jwks", &second]).0);
    assert!(!add("c", &["--jwks", &second]).0);
    assert!(add("c", &["--jwks", &first]).0);
    for (url, why) in [
        ("http://ehr.example.org/k", "https"),
        ("https://169.254.169.254/k", "private, local or reserved"),
    ] {
        let (done, said) = run(&["client", "keys", "--id", "a", "--jwks-url", url]);
        assert!(!done && said.contains(why), "{said}");
    }
}
