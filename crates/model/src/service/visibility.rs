//! `exportTo`: who may use an object.

use fairlead_config::Namespace;

use super::Visibility;

impl Visibility {
    /// Whether a proxy in `namespace` may use the object.
    pub fn allows(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Public => true,
            Self::Namespaces(namespaces) => namespaces.contains(namespace),
            Self::None => false,
        }
    }

    /// Reads the entries of an `exportTo`; `None` if there are none, which selects the mesh's default.
    ///
    /// The entry `.` stays as the namespace `.`: see [`Visibility::relative_to`].
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let entries: Vec<&str> =
            entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() {
            return None;
        }
        if entries.contains(&"*") {
            return Some(Self::Public);
        }
        let named = entries.into_iter().filter(|entry| *entry != "~").map(Namespace::from);
        let mut namespaces: Vec<Namespace> = named.collect();
        namespaces.sort();
        namespaces.dedup();
        Some(if namespaces.is_empty() { Self::None } else { Self::Namespaces(namespaces) })
    }

    /// The visibility for an object of `namespace`: `.` is that namespace.
    #[must_use]
    pub fn relative_to(self, namespace: &Namespace) -> Self {
        let Self::Namespaces(mut namespaces) = self else { return self };
        for entry in &mut namespaces {
            if *entry == "." {
                entry.clone_from(namespace);
            }
        }
        namespaces.sort();
        namespaces.dedup();
        Self::Namespaces(namespaces)
    }

    /// Reads the `exportTo` of an object in `namespace`, or `default` if it has none.
    pub fn resolve<'a>(
        entries: impl IntoIterator<Item = &'a str>,
        namespace: &Namespace,
        default: &Self,
    ) -> Self {
        Self::parse(entries).unwrap_or_else(|| default.clone()).relative_to(namespace)
    }
}
