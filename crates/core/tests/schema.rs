//! The JSON Schema against descriptions: it takes the right ones, and refuses those of the wrong
//! ones that it can know. The validator knows just the words that the schema uses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use crapvpn_core::format::{Code, error_reference, json_schema, key_reference};
use regex_lite::Regex;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Wrong descriptions that the schema refuses, by their codes: what is wrong in one table.
const KNOWN: [&str; 17] = [
    "F02",
    "F03",
    "F04",
    "F05",
    "F06_other",
    "F06_no",
    "F07_fields",
    "F08",
    "F09",
    "F10",
    "F11",
    "F13",
    "F20",
    "F26",
    "F29",
    "F57",
    "F60",
];

fn schema() -> Value {
    serde_json::from_str(&json_schema()).unwrap()
}

fn descriptions(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if let Ok(table) = DeTable::parse(&text) {
                found.push((name, table_value(table.get_ref())));
            }
        }
    }
    found
}

fn table_value(table: &DeTable<'_>) -> Value {
    let entries = table.iter();
    Value::Object(
        entries.map(|(key, item)| (key.get_ref().to_string(), value(item.get_ref()))).collect(),
    )
}

fn value(item: &DeValue<'_>) -> Value {
    match item {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if number < 0 => json!(i64::try_from(number).unwrap_or(i64::MIN)),
            Ok(number) => json!(u64::try_from(number).unwrap_or(u64::MAX)),
            Err(_) => json!(u64::MAX),
        },
        DeValue::Float(_) => json!(0.5),
        DeValue::Boolean(is) => json!(is),
        DeValue::Datetime(time) => json!(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| value(item.get_ref())).collect(),
        DeValue::Table(table) => table_value(table),
    }
}

/// Whether a value fits a schema, which is part of the schema `root`.
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(word, rule)| match word.as_str() {
        "$schema" | "title" | "description" | "definitions" | "then" => true,
        "$ref" => {
            let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
            fits(root, root.pointer(pointer).unwrap(), value)
        }
        "type" => match rule.as_str().unwrap() {
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("type {other}"),
        },
        "const" => rule == value,
        "enum" => rule.as_array().unwrap().contains(value),
        "anyOf" => rule.as_array().unwrap().iter().any(|rule| fits(root, rule, value)),
        "allOf" => rule.as_array().unwrap().iter().all(|rule| fits(root, rule, value)),
        "if" => !fits(root, rule, value) || fits(root, &schema["then"], value),
        "pattern" => value
            .as_str()
            .is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "items" => {
            value.as_array().is_none_or(|items| items.iter().all(|item| fits(root, rule, item)))
        }
        "minItems" => {
            value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap())
        }
        "maxItems" => {
            value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap())
        }
        "uniqueItems" => value.as_array().is_none_or(|items| {
            (1..items.len()).all(|place| !items[..place].contains(&items[place]))
        }),
        _ => value.as_object().is_none_or(|table| object_fits(root, schema, word, rule, table)),
    })
}

fn object_fits(
    root: &Value,
    schema: &Value,
    word: &str,
    rule: &Value,
    table: &Map<String, Value>,
) -> bool {
    let value = Value::Object(table.clone());
    match word {
        "required" => {
            rule.as_array().unwrap().iter().all(|key| table.contains_key(key.as_str().unwrap()))
        }
        "properties" => rule
            .as_object()
            .unwrap()
            .iter()
            .all(|(key, rule)| table.get(key).is_none_or(|value| fits(root, rule, value))),
        "additionalProperties" => {
            let known = schema.get("properties").and_then(Value::as_object);
            let mut others = table
                .iter()
                .filter(|(key, _)| !known.is_some_and(|known| known.contains_key(*key)));
            match rule {
                Value::Bool(allowed) => *allowed || others.next().is_none(),
                _ => others.all(|(_, value)| fits(root, rule, value)),
            }
        }
        "propertyNames" => table.keys().all(|key| fits(root, rule, &json!(key))),
        "minProperties" => table.len() as u64 >= rule.as_u64().unwrap(),
        "dependencies" => rule
            .as_object()
            .unwrap()
            .iter()
            .all(|(key, rule)| !table.contains_key(key) || fits(root, rule, &value)),
        other => panic!("the schema says {other}"),
    }
}

/// Built-in descriptions name it in their first line, for editors.
#[test]
fn the_committed_schema_is_that_of_the_table_of_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats/format.schema.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, json_schema()).unwrap();
    }
    assert!(fs::read_to_string(path).unwrap() == json_schema(), "run with UPDATE_SNAPSHOTS=1");
}

#[test]
fn the_schema_takes_right_descriptions() {
    let schema = schema();
    for folder in ["formats", "tests/descriptions/made-up"] {
        let files = descriptions(folder);
        assert!(files.len() >= 8);
        for (file, description) in files {
            assert!(fits(&schema, &schema, &description), "{file}");
        }
    }
}

#[test]
fn the_schema_refuses_what_it_can_know() {
    let schema = schema();
    let mut refused = Vec::new();
    for (file, description) in descriptions("tests/descriptions/wrong") {
        let known = KNOWN.iter().any(|prefix| file.starts_with(prefix));
        if fits(&schema, &schema, &description) {
            assert!(!known, "the schema takes {file}");
        } else {
            refused.push(file);
        }
    }
    for prefix in KNOWN {
        assert!(refused.iter().any(|file| file.starts_with(prefix)), "{prefix}");
    }
}

#[test]
fn references_name_all_keys_and_codes() {
    let keys = key_reference();
    let schema = schema();
    let tables = schema["definitions"].as_object().unwrap().values().chain([&schema]);
    for table in tables {
        for key in table["properties"].as_object().unwrap().keys() {
            assert!(keys.contains(&format!("| `{key}` | ")), "{key}");
        }
    }
    let errors = error_reference();
    assert_eq!(errors.lines().count(), 2 + Code::ALL.len());
    for code in Code::ALL {
        let line = errors.lines().find(|line| line.starts_with(&format!("| {} |", code.name())));
        assert!(line.unwrap().contains(code.meaning()));
    }
    // Each row has as many cells as its table's head.
    for table in [&keys, &errors] {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        for block in table.split("\n\n").filter(|block| block.starts_with('|')) {
            let head = cells(block.lines().next().unwrap());
            assert!(block.lines().all(|line| cells(line) == head), "{block}");
        }
    }
}
