//! [`Code`]: the stable code, name and meaning of each type of finding.
//!
//! A code is never reused; each has a section in `docs/reference/diagnostics.md`.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $code:literal $name:literal: $summary:literal;)*) => {
        /// The type of a finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, " ", $name, "`: ", $summary, ".")] $variant,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code, such as `FL0101`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name, such as `unknown-field`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its meaning, in one line.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }
        }
    };
}

codes! {
    // Files and YAML.
    UnreadableFile "FL0001" "unreadable-file": "a file or directory cannot be read";
    NotUtf8 "FL0002" "not-utf8": "a file is not UTF-8 text";
    YamlSyntax "FL0003" "yaml-syntax": "a document is not well-formed YAML";
    TabIndentation "FL0004" "tab-indentation": "a line is indented with a tab";
    DuplicateKey "FL0005" "duplicate-key": "a mapping has the same key twice";
    TooLarge "FL0006" "too-large": "a file or document is larger than the limit";
    TooDeep "FL0007" "too-deep": "a document is nested deeper than the limit";
    TooManyNodes "FL0008" "too-many-nodes": "a document has more values than the limit";
    AliasExpansion "FL0009" "alias-expansion": "a document's aliases expand to more values or bytes than the limit";
    UnknownAlias "FL0010" "unknown-alias": "an alias refers to an anchor that is not defined before it";
    Yaml11Value "FL0011" "yaml-1-1-value": "kubectl reads an unquoted value differently from YAML 1.2";
    UnsupportedTag "FL0012" "unsupported-tag": "a YAML tag has no meaning here";
    BadMapKey "FL0013" "bad-map-key": "a key of a mapping is a list, a mapping or null";
    BadMergeKey "FL0014" "bad-merge-key": "a merge key refers to something other than mappings";
    DuplicateObject "FL0015" "duplicate-object": "the same object is defined more than once";
    LastGoodKept "FL0016" "last-good-kept": "the last good version of an object stays in use";
    PollingFallback "FL0017" "polling-fallback": "the directory cannot be watched and is polled instead";
    LinkRefused "FL0018" "link-refused": "a link leads out of the directory and is not followed";
    TooManyFiles "FL0019" "too-many-files": "a directory holds more files than are read";
    FindingsLeftOut "FL0020" "findings-left-out": "there are more findings than are listed";
    NothingThere "FL0021" "nothing-there": "a named directory or file, or standard input, holds no object";
    // Decoding.
    UnknownField "FL0101" "unknown-field": "a field does not exist";
    MisplacedField "FL0102" "misplaced-field": "a field exists, but elsewhere in the object";
    WrongType "FL0103" "wrong-type": "a value is not of its field's type";
    UnknownEnumValue "FL0104" "unknown-enum-value": "a value is not one of those that its field allows";
    MissingField "FL0105" "missing-field": "a required field is absent";
    BadDuration "FL0106" "bad-duration": "a value is not a duration";
    NumberOutOfRange "FL0107" "number-out-of-range": "a number does not fit its field";
    NeedsQuotes "FL0108" "needs-quotes": "an unquoted boolean or number stands where a string is expected";
    NeedsNoQuotes "FL0109" "needs-no-quotes": "a quoted value stands where a number or boolean is expected";
    UnsupportedVersion "FL0110" "unsupported-version": "the API version of a known kind is not served";
    KindNotRead "FL0111" "kind-not-read": "objects of the kind are ignored";
    UnknownKind "FL0112" "unknown-kind": "the kind looks like a misspelt one";
    NotAnObject "FL0113" "not-an-object": "a document is not a Kubernetes object";
    BadMetadata "FL0114" "bad-metadata": "the name, namespace, labels or annotations of an object are invalid";
    BadBase64 "FL0115" "bad-base64": "a value is not base64";
    NotEnforced "FL0116" "not-enforced": "a security policy is not enforced and denies nothing";
    Placeholder "FL0117" "placeholder": "a value contains a placeholder that was not replaced";
    NotRendered "FL0118" "not-rendered": "a template must be rendered before it is read";
    // Validation of one object.
    EmptyValue "FL0201" "empty-value": "a list or string must not be empty";
    BadHost "FL0202" "bad-host": "a value is not a host name, wildcard or address that is allowed here";
    BadPort "FL0203" "bad-port": "a port is not between 1 and 65535";
    BadWeight "FL0204" "bad-weight": "the weights of destinations are invalid";
    BadPercent "FL0205" "bad-percent": "a percentage is not between 0 and 100";
    BadRegex "FL0206" "bad-regex": "a value is not an RE2 expression";
    RegexTooLong "FL0207" "regex-too-long": "an RE2 expression is longer or larger than the limit";
    MutuallyExclusive "FL0208" "mutually-exclusive": "mutually exclusive fields are set";
    DurationOutOfRange "FL0209" "duration-out-of-range": "a duration is too short or too long";
    BadHeaderName "FL0210" "bad-header-name": "a value is not the name of an HTTP header";
    BadHeaderValue "FL0211" "bad-header-value": "a value cannot be that of an HTTP header";
    DuplicateName "FL0212" "duplicate-name": "a name that must be unique is used twice";
    BadName "FL0213" "bad-name": "a value is not a valid name";
    BadRetry "FL0214" "bad-retry": "a retry policy is invalid";
    BadStatusCode "FL0215" "bad-status-code": "a number or name is not a status code that is allowed here";
    BodyTooLarge "FL0216" "body-too-large": "the body of a direct response is larger than the limit";
    BadGatewayName "FL0217" "bad-gateway-name": "a value is not a reference to a Gateway";
    BadExportTo "FL0218" "bad-export-to": "an entry of exportTo is invalid";
    MissingCredential "FL0219" "missing-credential": "the TLS mode needs a certificate or key that is absent";
    TlsMismatch "FL0220" "tls-mismatch": "TLS settings do not match the protocol of the port";
    UnknownProtocol "FL0221" "unknown-protocol": "a value is not a protocol";
    DuplicatePort "FL0222" "duplicate-port": "a port number is used twice";
    BadAddress "FL0223" "bad-address": "a value is not an address or subnet that is allowed here";
    BadResolution "FL0224" "bad-resolution": "resolution, hosts, addresses and endpoints do not go together";
    BadLocality "FL0225" "bad-locality": "locality settings are invalid";
    BadLabel "FL0226" "bad-label": "a label key or value is invalid";
    BadSelector "FL0227" "bad-selector": "a selector of workloads is invalid";
    NoAction "FL0228" "no-action": "a rule has no action";
    BadRedirect "FL0229" "bad-redirect": "a redirect is invalid";
    BadRewrite "FL0230" "bad-rewrite": "a rewrite is invalid";
    BadMirror "FL0231" "bad-mirror": "a mirror is invalid";
    BadCors "FL0232" "bad-cors": "a cross-origin policy is invalid";
    BadFault "FL0233" "bad-fault": "a fault injection is invalid";
    BadOutlierDetection "FL0234" "bad-outlier-detection": "an outlier detection is invalid";
    BadLoadBalancer "FL0235" "bad-load-balancer": "load-balancer settings are invalid";
    BadConnectionPool "FL0236" "bad-connection-pool": "connection-pool settings are invalid";
    BadListener "FL0237" "bad-listener": "a listener of a Sidecar is invalid";
    BadDelegate "FL0238" "bad-delegate": "a delegate is invalid";
    BadMatch "FL0239" "bad-match": "a match condition is invalid";
    Deprecated "FL0240" "deprecated": "a field is deprecated";
    NoEffect "FL0241" "no-effect": "a field has no effect where it stands";
    UnreachableRule "FL0242" "unreachable-rule": "a rule of the object comes after one that matches everything";
    BadTls "FL0243" "bad-tls": "TLS settings are invalid";
    BadFormat "FL0244" "bad-format": "a value is not a format string for Envoy";
    TooManyCombinations "FL0245" "too-many-combinations": "the lists of the object multiply to more than the limit";
    // References between objects.
    UnknownHost "FL0301" "unknown-host": "no service has the host that is referred to";
    UnknownSubset "FL0302" "unknown-subset": "no DestinationRule defines the subset that is referred to";
    UnknownGateway "FL0303" "unknown-gateway": "the Gateway that is referred to does not exist";
    DuplicateHost "FL0304" "duplicate-host": "several objects claim the same host, and only one is used";
    ConflictingRoute "FL0305" "conflicting-route": "routes of several objects contradict each other";
    ShadowedRoute "FL0306" "shadowed-route": "an earlier route matches all requests of a later one";
    UnknownSecret "FL0307" "unknown-secret": "the Secret that is referred to does not exist";
    NoEndpoints "FL0308" "no-endpoints": "a service or subset has no endpoints";
    PortMismatch "FL0309" "port-mismatch": "the ports of a Service and of its endpoints do not match";
    DuplicateSubset "FL0310" "duplicate-subset": "several DestinationRules define the same subset of a host";
    UnknownPort "FL0311" "unknown-port": "the service does not have the port that is referred to";
    AmbiguousPort "FL0312" "ambiguous-port": "a destination names no port, and its service has several";
    NotVisible "FL0313" "not-visible": "the object that is referred to is not exported to the namespace";
    SelectorMatchesNothing "FL0314" "selector-matches-nothing": "a selector matches no workload";
    UnknownDelegate "FL0315" "unknown-delegate": "the VirtualService that is delegated to does not exist";
    UnknownNamespace "FL0316" "unknown-namespace": "the namespace that is referred to does not exist";
    ConflictingServer "FL0317" "conflicting-server": "servers of Gateways claim the same port and host";
    ConflictingSidecar "FL0318" "conflicting-sidecar": "several Sidecars apply to the same workloads";
    ProtocolMismatch "FL0319" "protocol-mismatch": "a route does not fit the protocol of the port";
    EmptySubset "FL0320" "empty-subset": "no endpoint carries the labels of a subset";
    UnknownEgressHost "FL0321" "unknown-egress-host": "an egress host of a Sidecar matches no service";
    BadSecret "FL0322" "bad-secret": "a Secret lacks a key or holds invalid certificates";
    IgnoredPolicy "FL0323" "ignored-policy": "a more specific or older object wins over this one";
    DuplicateService "FL0324" "duplicate-service": "several objects define the same service";
    SecretNamespace "FL0325" "secret-namespace": "a Secret is not in the namespace of the gateway that needs it";
    RejectedByProxy "FL0326" "rejected-by-proxy": "a proxy rejected a resource made from the object";
    MtlsConflict "FL0327" "mtls-conflict": "the two ends of a connection disagree about mutual TLS";
    HostOutsideGateway "FL0328" "host-outside-gateway": "no server of the Gateway serves the host";
    ConflictingListener "FL0329" "conflicting-listener": "two services or objects need the same listener";
    SubsetKept "FL0330" "subset-kept": "a removed subset is kept for a while, because routes lead to it";
    RoutesHeldBack "FL0331" "routes-held-back": "routes are not used yet, because they lead to an undefined subset";
    ForeignRoutes "FL0332" "foreign-routes": "a VirtualService of another namespace defines the routes of a service";
    ReservedPort "FL0333" "reserved-port": "a port is one of the proxy's own";
    TooManyRanges "FL0334" "too-many-ranges": "address ranges are left out, because a port has too many server names for them";
    TooManyEndpoints "FL0335" "too-many-endpoints": "a service or subset has no endpoints, because others of its workloads reach the limit";
    CertificateHost "FL0336" "certificate-host": "the certificate of a server does not cover one of its hosts";
    // Accepted, but without effect yet.
    NotTranslated "FL0901" "not-translated": "a field is accepted but has no effect yet";
    ValueNotTranslated "FL0902" "value-not-translated": "a value is accepted but has no effect yet";
    NotInStockEnvoy "FL0903" "not-in-stock-envoy": "a feature needs an extension that stock Envoy lacks";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.as_str(), self.name())
    }
}
