//! Protobuf's well-known types from Rust's own, so that wrappers vanish: `Some(timeout.into_proto())`.

use std::time::Duration;

use envoy_types::pb::{
    envoy::{
        config::core::v3::{RuntimeDouble, RuntimeFractionalPercent},
        r#type::v3::{FractionalPercent, Percent, fractional_percent::DenominatorType},
    },
    google::protobuf::{self as pb, BoolValue, DoubleValue, StringValue, UInt32Value, UInt64Value},
};

#[cfg(test)]
mod tests;

/// The protobuf form of a Rust value.
pub trait IntoProto<T> {
    /// Converts.
    fn into_proto(self) -> T;
}

/// Saturates at the largest number of seconds that protobuf can hold.
impl IntoProto<pb::Duration> for Duration {
    fn into_proto(self) -> pb::Duration {
        pb::Duration {
            seconds: i64::try_from(self.as_secs()).unwrap_or(i64::MAX),
            nanos: self.subsec_nanos().cast_signed(),
        }
    }
}

macro_rules! wrapper {
    ($($rust:ty => $proto:ident),+ $(,)?) => {$(
        impl IntoProto<$proto> for $rust {
            fn into_proto(self) -> $proto {
                $proto { value: self }
            }
        }
    )+};
}

wrapper! {
    bool => BoolValue,
    u32 => UInt32Value,
    u64 => UInt64Value,
    f64 => DoubleValue,
    String => StringValue,
}

impl IntoProto<StringValue> for &str {
    fn into_proto(self) -> StringValue {
        self.to_owned().into_proto()
    }
}

/// `envoy.type.v3.Percent`, 0 to 100.
pub fn percent(value: f64) -> Percent {
    Percent { value }
}

/// The nearest `envoy.type.v3.FractionalPercent` in millionths; outside of 0 to 100 the nearer end.
pub fn fractional_percent(percent: f64) -> FractionalPercent {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1,000,000 by the clamp"
    )]
    let numerator = (percent.clamp(0.0, 100.0) * 10_000.0).round() as u32;
    FractionalPercent { numerator, denominator: DenominatorType::Million.into() }
}

/// A whole number of hundredths, as Envoy's examples write it: `{numerator: 100}`.
pub fn whole_percent(numerator: u32) -> FractionalPercent {
    FractionalPercent { numerator, denominator: DenominatorType::Hundred.into() }
}

/// A fraction that no runtime key overrides.
pub fn runtime_fraction(default_value: FractionalPercent) -> RuntimeFractionalPercent {
    RuntimeFractionalPercent { default_value: Some(default_value), runtime_key: String::new() }
}

/// A number with the runtime key that may override it (Envoy requires one).
pub fn runtime_double(default_value: f64, runtime_key: impl Into<String>) -> RuntimeDouble {
    RuntimeDouble { default_value, runtime_key: runtime_key.into() }
}
