use proptest::prelude::*;

use super::*;
use crate::audit::record::first_id;

/// A row: its id and what it says.
type Row = (Uuid, &'static str);

fn row(n: u128) -> Row {
    (id(n), "one")
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(first_id(1_000).as_u128() + n)
}

fn leaf_of((id, text): &Row) -> Leaf {
    let name = id.to_string();
    Leaf {
        id: *id,
        hash: leaf([Cell::Text(&name), Cell::Text(text)]),
    }
}

/// Three batches of four rows.
fn chain() -> (Vec<Row>, Vec<Batch>) {
    let rows: Vec<Row> = (0..12).map(row).collect();
    let mut tip = Tip::START;
    let batches = rows.chunks(4).map(|rows| {
        let leaves = rows.iter().map(leaf_of).collect();
        let batch = Batch::after(&tip, "t", leaves, 2_000, "key".into());
        tip = batch.tip();
        batch
    });
    let batches = batches.collect();
    (rows, batches)
}

fn walk(rows: &[Row], batches: &[Batch], anchor: Option<Anchor>) -> Report {
    let mut walk = Walk::new("t", anchor);
    let mut rows: Vec<Leaf> = rows.iter().map(leaf_of).collect();
    rows.sort_unstable_by_key(|leaf| leaf.id);
    for batch in batches {
        let last = batch.leaves.last().map(|leaf| leaf.id);
        rows.retain(|row| {
            let due = Some(row.id) <= last;
            if due {
                walk.row(row.id, row.hash);
            }
            !due
        });
        walk.batch(batch, true);
    }
    for row in &rows {
        walk.row(row.id, row.hash);
    }
    walk.end(first_id(5_000))
}

#[test]
fn the_root_is_that_of_rfc_6962() {
    // From the vectors of the certificate transparency project: d0 is the empty leaf, d1 is the byte 0x00.
    let hash = |bytes: &[u8]| Hash(Sha256::digest([&[0][..], bytes].concat()).into());
    let hex = |h: Hash| {
        let digits = h.0.iter().flat_map(|b| [b >> 4, b & 15]);
        digits
            .filter_map(|d| char::from_digit(d.into(), 16))
            .collect::<String>()
    };
    assert_eq!(
        hex(root(&[])),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hex(root(&[hash(&[])])),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        hex(root(&[hash(&[]), hash(&[0])])),
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    );
    let three = [hash(&[]), hash(&[0]), hash(&[0x10])];
    assert_eq!(
        hex(root(&three)),
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    );
}

#[test]
fn a_chain_that_nobody_touched_has_no_findings() {
    let (rows, batches) = chain();
    let report = walk(&rows, &batches, None);
    assert_eq!(report.findings, []);
    assert_eq!((report.batches, report.rows, report.waiting), (3, 12, 0));
    let young = (first_id(6_000), "one");
    let report = walk(&[rows, vec![young]].concat(), &batches, None);
    assert_eq!((report.findings.len(), report.waiting), (0, 1));
}

#[test]
fn each_manipulation_is_found() {
    use Finding as F;
    let (rows, batches) = chain();
    let mut edited = rows.clone();
    edited[5].1 = "two";
    assert_eq!(
        walk(&edited, &batches, None).findings,
        [F::Edited {
            batch: 2,
            row: id(5)
        }]
    );
    let mut deleted = rows.clone();
    deleted.remove(5);
    assert_eq!(
        walk(&deleted, &batches, None).findings,
        [F::Deleted {
            batch: 2,
            row: id(5)
        }]
    );
    let mut inserted = rows.clone();
    inserted.push(row(99));
    assert_eq!(
        walk(&inserted, &batches, None).findings,
        [F::Inserted { row: id(99) }]
    );
    let mut swapped = rows.clone();
    (swapped[5].0, swapped[6].0) = (id(6), id(5));
    assert_eq!(
        walk(&swapped, &batches, None).findings,
        [],
        "two rows that say the same"
    );
    swapped[5].1 = "two";
    let found = walk(&swapped, &batches, None).findings;
    assert_eq!(
        found,
        [F::Edited {
            batch: 2,
            row: id(6)
        }]
    );
    let anchor = Some(Anchor {
        n: 3,
        head: batches[2].head,
    });
    assert_eq!(
        walk(&rows[..8], &batches[..2], anchor).findings,
        [F::Truncated { told: 3, last: 2 }]
    );
    assert_eq!(walk(&rows, &batches, anchor).findings, []);
}

#[test]
fn batches_cannot_be_moved_left_out_or_written_anew() {
    use Finding as F;
    let (rows, batches) = chain();
    let moved = [batches[0].clone(), batches[2].clone(), batches[1].clone()];
    assert!(walk(&rows, &moved, None).findings.contains(&F::Gap {
        expected: 2,
        found: 3
    }));
    let mut anew = batches.clone();
    anew[1] = Batch::after(
        &Tip::START,
        "t",
        batches[1].leaves.clone(),
        2_000,
        "key".into(),
    );
    anew[1].n = 2;
    let findings = walk(&rows, &anew, None).findings;
    assert!(findings.contains(&F::Order { batch: 2 }), "{findings:?}");
    assert!(findings.contains(&F::Batch { batch: 2 }), "{findings:?}");
    assert!(findings.contains(&F::Order { batch: 3 }), "{findings:?}");
    let mut leaves = batches.clone();
    leaves[1].leaves.swap(0, 1);
    assert!(
        walk(&rows, &leaves, None)
            .findings
            .contains(&F::Batch { batch: 2 })
    );
    let told = Some(Anchor {
        n: 2,
        head: batches[0].head,
    });
    assert_eq!(
        walk(&rows, &batches, told).findings,
        [F::Rewritten { batch: 2 }]
    );
    let again = Batch::after(
        &batches[2].tip(),
        "t",
        batches[2].leaves.clone(),
        2_000,
        "key".into(),
    );
    let report = walk(&rows, &[batches, vec![again]].concat(), None);
    assert_eq!(report.findings.len(), 4);
    assert!(matches!(report.findings[0], F::Twice { batch: 4, .. }));
}

#[test]
fn leaves_and_heads_are_read_as_they_are_written() {
    let (_, batches) = chain();
    let printed = batches[1].print_leaves();
    assert_eq!(parse_leaves(&printed).expect("leaves"), batches[1].leaves);
    assert_eq!(parse_leaves(&printed[..printed.len() - 4]), None);
    let anchor = Anchor {
        n: 7,
        head: batches[1].head,
    };
    assert_eq!(anchor.to_string().parse(), Ok(anchor));
    for bad in ["", "7", "7:", "x:AAAA", ":"] {
        assert!(bad.parse::<Anchor>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn columns_do_not_run_into_each_other(a in "[a-z]{0,2}", b in "[a-z]{0,2}", n in any::<i64>()) {
        let both = format!("{a}{b}");
        let apart = leaf([Cell::Text(&a), Cell::Text(&b), Cell::Int(n)]);
        prop_assert_eq!(apart == leaf([Cell::Text(&both), Cell::Text(""), Cell::Int(n)]), b.is_empty());
        prop_assert_ne!(apart, leaf([Cell::Text(&a), Cell::Null, Cell::Int(n)]));
        prop_assert_ne!(apart, leaf([Cell::Text(&a), Cell::Text(&b), Cell::Int(n.wrapping_add(1))]));
        prop_assert_ne!(apart, leaf([Cell::Text(&a), Cell::Text(&b)]));
    }
}
