using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning;

// Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization" (NIPS 2011), section 4:
//
//   p(x | y) = l(x) where y < y*, g(x) elsewhere   (2)
//   EI(x) ∝ (γ + (1 − γ) g(x) / l(x))⁻¹            so the candidate with the largest l(x) / g(x) is proposed
//
//   symbol   variable     shape   meaning
//   γ n      good         1       number of trials below y*: ⌈0.1 n⌉, at most 25
//   l, g     good, rest   –       densities of the good trials and of all others, ParzenMixture
//
// The kernels are over all parameters at once ("multivariate"; Falkner, Klein and Hutter, "BOHB", ICML 2018), and the
// constants are Optuna's: see ParzenMixture.

/// <summary>
/// TPE, the tree-structured Parzen estimator: proposes where the density of good trials is largest compared with that of
/// the others. Multivariate: a kernel is over all parameters at once. Takes every kind of parameter.
/// </summary>
/// <remarks>
/// <para>
/// Source: Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011; constants as in Optuna's
/// multivariate sampler (the authors' sweeps used it, see <see cref="TpeOptions.Paper"/>).
/// </para>
/// <para>
/// Running trials count among the others, as if they were bad (a "constant liar"), so that workers that ask at the same
/// time are sent to different places. Failed trials count among the others, too: nothing good is known there. Enqueued
/// trials count like all, and so do pruned ones, with the value at which they ended; without one they count among the
/// others. A proposal depends on what has become of each trial, not on the order in which that was told.
/// </para>
/// </remarks>
public sealed class TpeTuner : Tuner
{
    internal const string Name = "TPE";

    private readonly TpeOptions _options;

    /// <summary>Creates a tuner.</summary>
    /// <param name="space">What is searched.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="seed">Everything random follows from this number.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public TpeTuner(SearchSpace space, OptimizationDirection direction, ulong seed, TpeOptions? options = null)
        : base(space, direction, seed)
    {
        _options = options ?? new TpeOptions();
        _options.Validate();
    }

    private protected override string Kind => Name;

    private protected override JsonElement? OptionsAsJson => ToJson(_options);

    private protected override ParameterPoint Propose(int number)
    {
        Trial[] valued = [.. Trials.Where(t => t.Value is not null)];
        int known = valued.Length + Trials.Count(t => t is { State: TrialState.Pruned, Value: null });
        if (known < _options.StartupTrials || valued.Length == 0)
            return RandomTuner.Draw(Space, Seed, number);

        int count = Math.Min((int)Math.Ceiling(0.1 * valued.Length), 25); // γ n
        HashSet<int> good =
        [
            .. valued.OrderBy(t => Loss(t.Value!.Value)).ThenBy(t => t.Number).Take(count).Select(t => t.Number),
        ];
        var l = new ParzenMixture(Space, [.. PointsWhere(t => good.Contains(t.Number))], _options);
        var g = new ParzenMixture(Space, [.. PointsWhere(t => !good.Contains(t.Number))], _options);

        var random = new TuningRandom(Seed, RandomPurpose.Candidates, (ulong)number);
        ParameterPoint? best = null;
        double bestScore = double.NegativeInfinity;
        for (int i = 0; i < _options.Candidates; i++)
        {
            ParameterPoint candidate = l.Sample(random);
            double score = l.LogDensity(candidate) - g.LogDensity(candidate); // log of l(x) / g(x)
            if (best is null || score > bestScore)
                (best, bestScore) = (candidate, score);
        }
        return best!;

        IEnumerable<ParameterPoint> PointsWhere(Func<Trial, bool> condition) =>
            Trials.Where(condition).Select(t => t.Point);
    }
}
