//! The documentation as a site: links to what is in the repository and not among its pages lead to the repository, and links to a
//! folder's `README.md` to the page that mdBook makes of it, `index`.
//!
//! mdBook runs `site-links` as a preprocessor: it gets the settings and the book as JSON, and gives back the book.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

/// The book with its links rewritten. `input` is what mdBook gives a preprocessor: the settings, and the book.
///
/// `None` when it is not that, or when `book.toml` names no repository.
#[must_use]
pub fn links_out(input: &str) -> Option<Value> {
    let input: Value = serde_json::from_str(input).ok()?;
    let (context, book) = (input.get(0)?, input.get(1)?);
    let setting = |path: &str| context.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let places = Places {
        repository: setting("/config/output/html/git-repository-url")?,
        pages: PathBuf::from(setting("/config/book/src")?),
    };
    let mut book = book.clone();
    places.visit(&mut book);
    Some(book)
}

struct Places {
    repository: String,
    /// The folder of the pages in the repository.
    pages: PathBuf,
}

impl Places {
    /// Rewrites every chapter that is anywhere in a value.
    fn visit(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                let path = fields.get("path").and_then(Value::as_str).map(PathBuf::from);
                if let (Some(path), Some(Value::String(content))) = (path, fields.get_mut("content")) {
                    *content = self.rewritten(content, &path);
                }
                fields.values_mut().for_each(|value| self.visit(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| self.visit(value)),
            _ => {}
        }
    }

    /// A page's text with the links that leave the folder of the pages made absolute.
    fn rewritten(&self, text: &str, page: &Path) -> String {
        let mut parts = text.split("](");
        let mut rewritten = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (target, rest) = part.split_once(')').unwrap_or((part, ""));
            let target = self.outside(target, page).unwrap_or_else(|| first_page(target));
            rewritten.push_str(&format!("]({target}){rest}"));
        }
        rewritten
    }

    /// Where a link that leaves the pages leads.
    fn outside(&self, target: &str, page: &Path) -> Option<String> {
        if target.contains("://") || target.starts_with(['#', '/']) {
            return None;
        }
        let mut path = self.pages.join(page.parent()?);
        for component in Path::new(target).components() {
            match component {
                Component::ParentDir => drop(path.pop()),
                Component::Normal(name) => path.push(name),
                _ => {}
            }
        }
        let outside = !path.starts_with(&self.pages);
        outside.then(|| format!("{}/blob/main/{}", self.repository.trim_end_matches('/'), path.display()))
    }
}

/// A link to a folder's first page, by its name in the site.
fn first_page(target: &str) -> String {
    let (path, rest) = target.split_at(target.find('#').unwrap_or(target.len()));
    match path
        .strip_suffix("README.md")
        .filter(|folder| !path.contains("://") && (folder.is_empty() || folder.ends_with('/')))
    {
        Some(folder) => format!("{folder}index.md{rest}"),
        None => target.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::links_out;

    fn rewritten(path: &str, content: &str) -> String {
        let settings =
            json!({"book": {"src": "docs"}, "output": {"html": {"git-repository-url": "https://example.com/x"}}});
        let chapter = json!({"Chapter": {"name": "A", "path": path, "content": content, "sub_items": []}});
        let book = links_out(&json!([{"config": settings}, {"items": [chapter]}]).to_string()).unwrap();
        book["items"][0]["Chapter"]["content"].as_str().unwrap().to_owned()
    }

    #[test]
    fn links_out_of_the_pages_lead_to_the_repository() {
        let text = "[a](../crds) and [b](../README.md#install)";
        let out =
            "[a](https://example.com/x/blob/main/crds) and [b](https://example.com/x/blob/main/README.md#install)";
        assert_eq!(rewritten("one.md", text), out);
        assert_eq!(rewritten("api/one.md", "[a](../../crds)"), "[a](https://example.com/x/blob/main/crds)");
    }

    #[test]
    fn links_to_the_first_page_of_a_folder_lead_to_it() {
        assert_eq!(rewritten("one.md", "[a](api/README.md#x) [b](README.md)"), "[a](api/index.md#x) [b](index.md)");
        assert_eq!(rewritten("api/one.md", "[a](../README.md)"), "[a](../index.md)");
    }

    #[test]
    fn links_between_pages_stay() {
        let stay = ["[a](two.md#x)", "[a](#x)", "[a](https://example.com/README.md)", "[a](MYREADME.md)", "no [link]"];
        for text in stay {
            assert_eq!(rewritten("one.md", text), text);
        }
        assert_eq!(rewritten("api/one.md", "[a](../two.md)"), "[a](../two.md)");
    }

    #[test]
    fn what_is_no_book_of_ours_is_refused() {
        for input in ["", "{}", "[{}, {}]", r#"[{"config": {"book": {"src": "docs"}}}, {}]"#] {
            assert_eq!(links_out(input), None, "{input}");
        }
    }
}
