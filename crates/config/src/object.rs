//! [`Config`]: an object of one kind; [`AnyConfig`]: of any; [`ReadFrom`]: where it was read.

use std::sync::Arc;

use fairlead_api as api;

use serde::de::value::Error;

use crate::{
    ConfigKey, FieldPath, FieldPositions, Kind, LabelSet, Location, Timestamp,
    kind::table,
    schema::{Message, read::read},
    yaml::Node,
};

/// An object whose spec is a `T`.
///
/// Two objects are equal if everything but [`Config::read_from`] is: an object that moved to another line or file,
/// or whose resource version rose without a change of meaning, counts as unchanged.
#[derive(Clone, Debug)]
pub struct Config<T> {
    /// Identity of the object.
    pub key: ConfigKey,
    /// Labels of the object.
    pub labels: LabelSet,
    /// Annotations of the object.
    pub annotations: LabelSet,
    /// When the object was created, if its source knows.
    pub created: Option<Timestamp>,
    /// What the object says.
    pub spec: Arc<T>,
    /// Where the object was read. Not part of equality.
    pub read_from: ReadFrom,
}

impl<T: PartialEq> PartialEq for Config<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
            && self.created == other.created
            && self.labels == other.labels
            && self.annotations == other.annotations
            && (Arc::ptr_eq(&self.spec, &other.spec) || self.spec == other.spec)
    }
}

impl<T> Config<T> {
    /// An object without labels, annotations, creation time or place.
    pub fn new(key: ConfigKey, spec: T) -> Self {
        Self {
            key,
            labels: LabelSet::default(),
            annotations: LabelSet::default(),
            created: None,
            spec: Arc::new(spec),
            read_from: ReadFrom::None,
        }
    }

    /// The object with this identity, metadata and place, and with `spec`.
    pub(crate) fn saying<S>(self, spec: S) -> Config<S> {
        let Self { key, labels, annotations, created, spec: _, read_from } = self;
        Config { key, labels, annotations, created, spec: Arc::new(spec), read_from }
    }

    /// The location of `path` in the object's file.
    pub fn locate(&self, path: &FieldPath) -> Option<Location> {
        self.read_from.locate(path)
    }
}

/// Where an object was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReadFrom {
    /// In a file.
    File {
        /// Path of the file.
        path: Arc<str>,
        /// Line where the object begins, from 1.
        line: u32,
        /// Column where the object begins, from 1.
        column: u32,
        /// Where its fields are.
        positions: Arc<FieldPositions>,
    },
    /// From an API server, in this version.
    ResourceVersion(Arc<str>),
    /// Made by a program.
    #[default]
    None,
}

impl ReadFrom {
    /// The path of a field in the object's file, of which parts may have been left out.
    pub fn as_written(&self, path: &FieldPath) -> FieldPath {
        match self {
            Self::File { positions, .. } => positions.as_written(path),
            Self::ResourceVersion(_) | Self::None => path.clone(),
        }
    }

    /// The location of `path` in the file, or of the nearest enclosing field if `path` itself is not there.
    pub fn locate(&self, path: &FieldPath) -> Option<Location> {
        let Self::File { path: file, line, column, positions } = self else { return None };
        let (line, column) =
            positions.nearest(&positions.as_written(path)).map_or((*line, *column), |p| (p.line, p.column));
        Some(Location { file: file.clone(), line, column })
    }
}

macro_rules! any_config {
    ($($kind:ident $(as $name:literal)?: $spec:ident $columns:tt;)*) => {
        /// An object of any kind, shared: a clone copies nothing.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyConfig {
            $(
                #[doc = concat!("A ", stringify!($kind), ".")]
                $kind(Arc<Config<api::$spec>>),
            )*
        }

        impl AnyConfig {
            /// Identity of the object.
            pub fn key(&self) -> &ConfigKey {
                match self { $(Self::$kind(config) => &config.key,)* }
            }

            /// Labels of the object.
            pub fn labels(&self) -> &LabelSet {
                match self { $(Self::$kind(config) => &config.labels,)* }
            }

            /// Annotations of the object.
            pub fn annotations(&self) -> &LabelSet {
                match self { $(Self::$kind(config) => &config.annotations,)* }
            }

            /// When the object was created.
            pub fn created(&self) -> Option<Timestamp> {
                match self { $(Self::$kind(config) => config.created,)* }
            }

            /// Where the object was read.
            pub fn read_from(&self) -> &ReadFrom {
                match self { $(Self::$kind(config) => &config.read_from,)* }
            }

            /// The object with this header, read from a document without errors.
            pub(crate) fn read(header: Config<()>, message: &Message, node: &Node) -> Result<Self, Error> {
                Ok(match header.key.kind {
                    $(Kind::$kind => header.saying::<api::$spec>(read(message, node)?).into(),)*
                })
            }

            /// Kind of the object.
            pub fn kind(&self) -> Kind {
                self.key().kind
            }
        }

        /// The types of specs, by kind.
        pub mod spec {
            $(
                #[doc = concat!("What a ", stringify!($kind), " says.")]
                pub type $kind = fairlead_api::$spec;
            )*
        }

        $(
            impl From<Config<api::$spec>> for AnyConfig {
                fn from(config: Config<api::$spec>) -> Self {
                    Self::$kind(Arc::new(config))
                }
            }
        )*
    };
}

table!(any_config);
