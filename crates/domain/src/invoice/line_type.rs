//! What the lines of an invoice are for.

/// What a line is for, in the order in which lines stand on an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineType {
    /// A service of a project.
    ServiceCharge,
    /// Names a discount, which is in the services' lines already; of no amount.
    Multiplier,
    /// Something that was agreed beside services.
    ExtraCharge,
    /// Support.
    SupportCharge,
    /// What is missing to the amount that was committed to.
    CommitmentFee,
    /// Anything else: the adjustment of a closed month, an amount carried from one invoice to the next.
    OtherEvent,
    /// A credit that is used; negative.
    CreditConsumption,
    /// Brings a total that is too small to be worth a payment to zero.
    Rounding,
}

impl LineType {
    /// Its name on documents.
    pub fn as_str(self) -> &'static str {
        match self {
            LineType::ServiceCharge => "ServiceCharge",
            LineType::Multiplier => "Multiplier",
            LineType::ExtraCharge => "ExtraCharge",
            LineType::SupportCharge => "SupportCharge",
            LineType::CommitmentFee => "CommitmentFee",
            LineType::OtherEvent => "OtherEvent",
            LineType::CreditConsumption => "CreditConsumption",
            LineType::Rounding => "Rounding",
        }
    }

    /// Whether lines of the type beside services count towards a commitment.
    pub(crate) fn counts_towards_commitment(self) -> bool {
        matches!(self, LineType::ExtraCharge | LineType::SupportCharge)
    }
}
