//! An amount shared out, so that the shares add up to it.

/// Shares a total out in proportion to weights, by largest remainder: each gets its exact share without the fraction, and what is
/// left goes, one minor unit each, to the largest fractions; of equal ones to the first.
///
/// No share exceeds its weight while the total does not exceed the sum of the weights. None of them is negative; with weights
/// that are all zero nothing is shared.
pub(crate) fn share_out(total: i128, weights: &[i128]) -> Vec<i128> {
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    // Amounts have up to 17 digits, so their products fit.
    let mut shares: Vec<i128> = weights.iter().map(|weight| total * weight / sum).collect();
    let left = total - shares.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|place| (-(total * weights[*place] % sum), *place));
    for place in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_the_largest_fraction_gets_what_is_left() {
        assert_eq!(share_out(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(share_out(100, &[50, 0, 51]), [50, 0, 50], "49.5 and 50.5: the first of equal fractions");
        assert_eq!(share_out(101, &[50, 0, 51]), [50, 0, 51]);
        assert_eq!(share_out(10, &[2, 5]), [3, 7], "2.86 and 7.14");
        assert_eq!(share_out(1, &[1, 2]), [0, 1]);
        assert_eq!(share_out(0, &[3, 4]), [0, 0]);
        assert_eq!(share_out(5, &[0, 0]), [0, 0]);
        assert_eq!(share_out(3, &[]), [0; 0]);
    }
}
