//! How many different ones there were: exactly while they are few, else to about two in a hundred.

/// How many are counted exactly.
const EXACT_MAX: usize = 1_000;
/// How many bits of a hash choose a register. The standard error is 1.04 / sqrt(4096) = 1.6 %.
const REGISTER_BITS: u32 = 12;

/// A counter of different values, of bounded size.
///
/// Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation
/// algorithm", 2007
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distinct(Kept);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    /// Sorted.
    All(Vec<u64>),
    Registers(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct(Kept::All(Vec::new()))
    }
}

impl Distinct {
    /// Adds the hash of a value.
    pub fn add(&mut self, hash: u64) {
        match &mut self.0 {
            Kept::All(all) => {
                if let Err(place) = all.binary_search(&hash) {
                    all.insert(place, hash);
                }
                if all.len() > EXACT_MAX {
                    self.estimate();
                }
            }
            Kept::Registers(registers) => note(registers, hash),
        }
    }

    /// Adds what another counter has seen.
    pub fn merge(&mut self, other: &Distinct) {
        match &other.0 {
            Kept::All(all) => all.iter().for_each(|hash| self.add(*hash)),
            Kept::Registers(theirs) => {
                self.estimate();
                if let Kept::Registers(ours) = &mut self.0 {
                    ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = (*ours).max(*theirs));
                }
            }
        }
    }

    /// Whether the number is exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.0, Kept::All(_))
    }

    /// How many.
    pub fn count(&self) -> u64 {
        let registers = match &self.0 {
            Kept::All(all) => return all.len() as u64,
            Kept::Registers(registers) => registers,
        };
        let all = f64::from(1_u32 << REGISTER_BITS);
        let sum: f64 = registers.iter().map(|&rank| 0.5_f64.powi(i32::from(rank))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / all) * all * all / sum;
        let empty = registers.iter().filter(|&&rank| rank == 0).count();
        let few = empty > 0 && raw <= 2.5 * all;
        let empty = f64::from(u32::try_from(empty).unwrap_or(u32::MAX));
        let estimate = if few { all * (all / empty).ln() } else { raw };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, far below 2^53"
        )]
        let estimate = estimate.round() as u64;
        estimate
    }

    fn estimate(&mut self) {
        if let Kept::All(all) = &self.0 {
            let mut registers = vec![0; 1 << REGISTER_BITS];
            all.iter().for_each(|hash| note(&mut registers, *hash));
            self.0 = Kept::Registers(registers);
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let place = usize::try_from(hash >> (64 - REGISTER_BITS)).unwrap_or(0);
    let rest = hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1);
    let rank = u8::try_from(rest.leading_zeros() + 1).unwrap_or(u8::MAX);
    registers[place] = registers[place].max(rank);
}

#[cfg(test)]
mod tests {
    use super::super::cache::Digest;
    use super::*;

    fn hash(number: u64) -> u64 {
        Digest::new(0).with(&number.to_ne_bytes()).first()
    }

    #[test]
    fn few_are_counted_exactly_and_many_nearly() {
        for many in [1, 999, 1_000, 5_000, 20_000, 1_000_000] {
            let mut distinct = Distinct::default();
            for number in (0..many).chain(0..many.min(5_000)) {
                distinct.add(hash(number));
            }
            let off = distinct.count().abs_diff(many);
            assert_eq!(distinct.is_exact(), many <= 1_000);
            assert!(off * 100 <= many * 6 && (many > 1_000 || off == 0), "{many}: {}", distinct.count());
        }
    }

    #[test]
    fn counters_add_up() {
        let mut whole = Distinct::default();
        let mut parts = [Distinct::default(), Distinct::default()];
        for number in 0..30_000 {
            whole.add(hash(number));
            parts[usize::from(number > 800)].add(hash(number));
        }
        let [mut one, two] = parts;
        one.merge(&two);
        assert_eq!(one, whole);
    }
}
