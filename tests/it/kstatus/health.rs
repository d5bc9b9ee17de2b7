//! The health script that the README gives people for Argo CD, run in a Lua of the version that Argo CD has.

use std::{collections::BTreeMap, fs, path::Path};

use mlua::{Lua, LuaSerdeExt, Table};
use serde_json::{Value, json};

use crate::Result;

/// The README's script.
pub struct HealthScript(String);

impl HealthScript {
    /// Reads the README.
    ///
    /// # Errors
    /// When it has no such script, or has it for other kinds than all of ours.
    pub fn of_readme() -> Result<Self> {
        let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))?;
        let mut blocks = readme.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
        let block = blocks.find(|block| block.contains("health.lua")).ok_or("the README has no health.lua")?;
        let config: Value = serde_saphyr::from_str(block)?;
        let text = config["data"]["resource.customizations"].as_str().ok_or("no resource.customizations")?;
        let customizations: BTreeMap<String, BTreeMap<String, String>> = serde_saphyr::from_str(text)?;
        let of_ours = customizations.get("billing-operator.io/*").and_then(|of_ours| of_ours.get("health.lua"));
        Ok(Self(of_ours.ok_or("no script for billing-operator.io/*")?.clone()))
    }

    /// What Argo CD would show of an object: a word and a sentence.
    ///
    /// # Errors
    /// When the script does not run.
    pub fn of(&self, object: &Value) -> Result<(String, String)> {
        // As in Argo CD, numbers of Lua 5.1 are floating-point numbers.
        let lua = Lua::new();
        let told = |error: mlua::Error| error.to_string();
        lua.globals().set("obj", lua.to_value(object).map_err(told)?).map_err(told)?;
        let health: Table = lua.load(&self.0).eval().map_err(told)?;
        let field = |name: &str| health.get::<Option<String>>(name).map_err(told);
        Ok((field("status")?.ok_or("the script gives no status")?, field("message")?.unwrap_or_default()))
    }
}

#[test]
fn the_readme_has_a_health_script_that_argo_cd_can_run() -> Result {
    let script = HealthScript::of_readme()?;
    let object = |observed: i64, conditions: Value| json!({ "metadata": { "generation": 3 }, "status": { "observedGeneration": observed, "conditions": conditions } });
    let condition =
        |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "Why", "message": kind });
    let check = |object: Value, expected: (&str, &str)| -> Result {
        let (status, message) = script.of(&object)?;
        assert_eq!((status.as_str(), message.as_str()), expected, "{object}");
        Ok(())
    };
    check(
        json!({ "metadata": { "generation": 3 }, "status": { "observedGeneration": -1 } }),
        ("Progressing", "the operator has not looked at it yet"),
    )?;
    check(object(2, json!([condition("Ready", "True")])), ("Progressing", "the operator has not looked at it yet"))?;
    check(object(3, json!([condition("Accepted", "True"), condition("Ready", "True")])), ("Healthy", "Ready"))?;
    check(object(3, json!([condition("Ready", "False")])), ("Progressing", "Ready"))?;
    check(object(3, json!([condition("Ready", "False"), condition("Stalled", "True")])), ("Degraded", "Stalled"))?;
    // Records are good as long as nothing is said of them.
    check(json!({ "metadata": { "generation": 3 } }), ("Healthy", ""))?;
    check(json!({ "metadata": { "generation": 3 }, "status": { "conditions": [] } }), ("Healthy", ""))?;
    check(
        json!({ "metadata": { "generation": 3 }, "status": { "conditions": [condition("Billable", "False")] } }),
        ("Degraded", "Billable"),
    )
}
