//! What a counter has counted, reading by reading.

use rust_decimal::Decimal;

use crate::name::Name;
use crate::time::period::{Period, Timestamp};

/// What makes a usage record metered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metering {
    /// What was read.
    pub readings: Readings,
    /// Whether its end was given: nothing more of it is waited for.
    pub is_ended: bool,
    /// The Meter that writes it, where one does.
    pub meter: Option<Name>,
}

/// What a counter had counted at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it was read. All that was counted before is in it.
    pub at: Timestamp,
    /// How much was counted since the record's start.
    pub quantity: Decimal,
}

/// A metered record that lacks its last reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedReading {
    /// The record.
    pub record: Name,
    /// The Meter that writes it, where one does.
    pub meter: Option<Name>,
    /// The instant of which, or of a later one, a reading is missing.
    pub at: Timestamp,
    /// When it was read last.
    pub last: Option<Timestamp>,
}

/// What a counter had counted at the two ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingPair {
    /// The last reading at or before its start.
    pub from: Option<Reading>,
    /// The last one at or before its end.
    pub to: Option<Reading>,
}

/// How many decimals a quantity has, at most.
const SCALE: u32 = 6;

/// The readings of a record in order of time, their quantities never falling.
///
/// A record has up to 800, and there may be ten thousand records: they are kept as differences, a few bytes for each. The last
/// one, which is nearly always the one that is asked for, is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings {
    /// Of each: how many seconds after the one before, and how many millionths more, both as numbers of 7 bits a byte.
    differences: Box<[u8]>,
    last: Option<Reading>,
}

/// Why readings are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingsError {
    /// One is not after the one before, or not in whole seconds.
    Order,
    /// One counts less than the one before.
    Falls,
    /// One is below zero, or finer or larger than can be counted.
    Quantity,
}

impl Readings {
    /// These readings.
    ///
    /// # Errors
    /// They are no readings of one counter.
    pub fn new(readings: impl IntoIterator<Item = Reading>) -> Result<Self, ReadingsError> {
        let (mut differences, mut last): (Vec<u8>, Option<(Reading, i64, u128)>) = (Vec::new(), None);
        for reading in readings {
            let (seconds, millionths) = (seconds(reading.at)?, millionths(reading.quantity)?);
            let (_, before, less) = last.unwrap_or((reading, 0, 0));
            let later = seconds.checked_sub(before).filter(|later| last.is_none() || *later > 0);
            let later = later.and_then(|later| u128::try_from(later).ok()).ok_or(ReadingsError::Order)?;
            push(&mut differences, later);
            push(&mut differences, millionths.checked_sub(less).ok_or(ReadingsError::Falls)?);
            last = Some((reading, seconds, millionths));
        }
        Ok(Readings { differences: differences.into(), last: last.map(|(reading, ..)| normalized(reading)) })
    }

    /// All of them, in order of time.
    pub fn iter(&self) -> impl Iterator<Item = Reading> {
        let mut bytes = self.differences.iter().copied();
        let (mut seconds, mut millionths) = (0, 0);
        std::iter::from_fn(move || {
            seconds += next(&mut bytes)?;
            millionths += next(&mut bytes)?;
            let at = Timestamp::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
            let quantity = Decimal::try_from_i128_with_scale(i128::try_from(millionths).ok()?, SCALE).ok()?;
            Some(normalized(Reading { at, quantity }))
        })
    }

    /// The last one.
    pub fn last(&self) -> Option<Reading> {
        self.last
    }

    /// The last one at or before an instant.
    pub fn at(&self, instant: Timestamp) -> Option<Reading> {
        match self.last {
            None => None,
            Some(last) if last.at <= instant => Some(last),
            Some(_) => self.iter().take_while(|reading| reading.at <= instant).last(),
        }
    }

    /// How much was counted in a period: what was read at or before its end, less what was at or before its start. What grows between
    /// two readings belongs where the later one lies; one at a boundary belongs before it.
    pub fn counted(&self, period: Period) -> Decimal {
        let quantity = |instant| self.at(instant).map_or(Decimal::ZERO, |reading| reading.quantity);
        (quantity(period.end()) - quantity(period.start())).normalize()
    }

    /// Those that were there when the last one was of an instant.
    #[must_use]
    pub fn until(&self, instant: Timestamp) -> Self {
        // A part of readings in order is in order.
        Readings::new(self.iter().take_while(|reading| reading.at <= instant)).unwrap_or_default()
    }

    /// How many bytes they take beside themselves.
    pub fn size(&self) -> usize {
        self.differences.len()
    }
}

fn normalized(reading: Reading) -> Reading {
    Reading { quantity: reading.quantity.normalize(), ..reading }
}

fn seconds(at: Timestamp) -> Result<i64, ReadingsError> {
    let is_whole = at.timestamp_subsec_nanos() == 0 && at.timestamp() >= 0;
    is_whole.then(|| at.timestamp()).ok_or(ReadingsError::Order)
}

fn millionths(quantity: Decimal) -> Result<u128, ReadingsError> {
    let quantity = quantity.normalize();
    let finer = SCALE.checked_sub(quantity.scale()).ok_or(ReadingsError::Quantity)?;
    let scaled = quantity.mantissa().checked_mul(10_i128.pow(finer)).ok_or(ReadingsError::Quantity)?;
    u128::try_from(scaled).ok().filter(|scaled| *scaled < 1 << 90).ok_or(ReadingsError::Quantity)
}

fn push(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_bits(number));
}

fn low_bits(number: u128) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or(0) // seven bits fit
}

fn next(bytes: &mut impl Iterator<Item = u8>) -> Option<u128> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        number |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}
