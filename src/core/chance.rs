//! Distributions over reproducible bits: normal, gamma and beta numbers from a [`Stream`]. Not a library's, so that a version of one
//! cannot change which teacher a task gets.

use super::plan::Stream;

/// Standard normal (Box and Muller; the second of the pair is not kept).
pub(crate) fn normal(bits: &mut Stream) -> f64 {
    // Within (0, 1], so that the logarithm is finite.
    let radius = (-2.0 * (1.0 - bits.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * bits.unit()).cos()
}

/// Gamma with that shape and scale 1 (Marsaglia and Tsang 2000, with their boost below 1).
pub(crate) fn gamma(shape: f64, bits: &mut Stream) -> f64 {
    if shape < 1.0 {
        let boost = (1.0 - bits.unit()).powf(1.0 / shape.max(1e-9));
        return gamma(shape + 1.0, bits) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(bits);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - bits.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Beta with these two parameters, above 0 both.
pub(crate) fn beta(a: f64, b: f64, bits: &mut Stream) -> f64 {
    let (x, y) = (gamma(a, bits), gamma(b, bits));
    if x + y > 0.0 { x / (x + y) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::stream;

    fn moments(draw: impl Fn(&mut Stream) -> f64) -> (f64, f64) {
        let mut bits = stream(7, "moments", 0);
        let numbers: Vec<f64> = (0..20_000).map(|_| draw(&mut bits)).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        (mean, variance)
    }

    #[test]
    fn means_and_variances_are_those_of_the_distributions() {
        let near = |(mean, variance): (f64, f64), wanted: (f64, f64)| {
            assert!(
                (mean - wanted.0).abs() < 0.03 * (1.0 + wanted.0),
                "{mean} {wanted:?}"
            );
            assert!(
                (variance - wanted.1).abs() < 0.06 * (1.0 + wanted.1),
                "{variance} {wanted:?}"
            );
        };
        near(moments(normal), (0.0, 1.0));
        near(moments(|bits| gamma(4.0, bits)), (4.0, 4.0));
        near(moments(|bits| gamma(0.5, bits)), (0.5, 0.5));
        near(moments(|bits| beta(2.0, 6.0, bits)), (0.25, 0.25 * 0.75 / 9.0));
    }
}
