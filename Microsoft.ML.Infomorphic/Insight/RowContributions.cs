// Why this row: the share of each feature in the log-odds of a class.
//
//   symbol   variable        shape                 unit
//   x        encoded         numbers × rows        –            what the networks read of a row
//   x₀       _base           numbers               –            the base: the offsets of the standardisation
//   L        LogOdds                               nats         ln(p / (1 − p)) of a class
//   φ        contributions   rows × classes × features  nats
//
// M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017: on the straight path from the base
// to the row, what changes L is changes of features,
//
//   [φ]  φⱼ = (xⱼ − x₀ⱼ) ∫₀¹ ∂L/∂xⱼ (x₀ + t (x − x₀)) dt,   Σⱼ φⱼ = L(x) − L(x₀)
//
// which is the value that R. J. Aumann and L. S. Shapley give to a player of a game that can be divided at will. The path is cut
// into pieces of one length. On a piece, a layer's sums are taken to go straight; a neuron's sources share the difference of its
// output (LaneActivation), the logits that of L, and products hand shares back to the features. What is right for one layer at any
// number of pieces is right for several as their number grows: the error falls with its square. Shares always add up.

using System.Collections.Concurrent;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Finds what features contribute to the scores of rows. Safe for any number of threads.</summary>
internal sealed partial class RowContributions
{
    /// <summary>Pieces of a path, where nothing else is asked for.</summary>
    public const int DefaultPieces = 1;

    private const int LanesAtOnce = 640;
    private const int LanesOfRows = 64;
    private const double LargestOdds = 80;

    private readonly EnsembleScorer _scorer;
    private readonly FeatureEncoding _encoding;
    private readonly LaneNetwork[] _networks;
    private readonly float[] _base;
    private readonly float[][][] _baseSums;
    private readonly double[][] _slopes;
    private readonly double[][] _offsets;
    private readonly int _pieces;
    private readonly int[] _featureOf;

    // Of threads that have finished, for those to come.
    private readonly ConcurrentBag<Workspace> _workspaces = [];

    /// <summary>Prepares the networks of a model.</summary>
    /// <param name="networks">The networks.</param>
    /// <param name="settings">How rows are scored.</param>
    /// <param name="encoding">What the networks read of a row.</param>
    /// <param name="scorer">What scores rows.</param>
    /// <param name="pieces">Number of pieces of a path.</param>
    /// <exception cref="InvalidOperationException">Scores jump, or are drawn.</exception>
    public RowContributions(
        IReadOnlyList<InfomorphicNetwork> networks,
        ScoringSettings settings,
        FeatureEncoding encoding,
        EnsembleScorer scorer,
        int pieces = DefaultPieces
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pieces);
        if (ObstacleTo(networks[0], settings) is string obstacle)
            throw new InvalidOperationException(obstacle);
        (_scorer, _encoding, _pieces) = (scorer, encoding, pieces);
        _networks = [.. networks.Select(network => new LaneNetwork(network))];
        _base = networks[0].FeatureScaling.Offsets;
        _slopes = [.. networks.Select(network => Numbers(network.Calibration.Slopes, settings.Calibrate, 1))];
        _offsets = [.. networks.Select(network => Numbers(network.Calibration.Offsets, settings.Calibrate, 0))];
        _featureOf = FeatureOf(encoding);
        _baseSums = [.. _networks.Select(SumsOfBase)];
        ClassCount = networks[0].ClassCount;
        Base = new double[ClassCount];
        var workspace = new Workspace(this);
        Block block = workspace.For(rows: 1, classes: 1);
        Present(block, new float[_base.Length]);
        Logits(block, end: 0, row: 0, workspace.From);
        workspace.Odds.Take(workspace.From);
        for (int k = 0; k < ClassCount; k++)
            Base[k] = workspace.Odds.Value(k);
    }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount => _encoding.FeatureCount;

    /// <summary>Number of classes.</summary>
    public int ClassCount { get; }

    /// <summary>L of each class at the base.</summary>
    public double[] Base { get; }

    /// <summary>Why a model has no contributions, in one sentence; null where it has them.</summary>
    public static string? ObstacleTo(InfomorphicNetwork network, ScoringSettings settings) =>
        settings.Mode != ScoringMode.MeanField
            ? $"The model is scored in the mode {settings.Mode}, in which scores jump: contributions are of models that WithScoring makes score by {nameof(ScoringMode.MeanField)}."
        : network.Layers.Any(layer => layer.Activation is StepActivation)
            ? "The model has neurons that fire by a step, as those of a random projection: scores jump, and contributions have no measure."
        : null;

    /// <summary>
    /// The feature of each number that the networks read: components of a curve and indicators of missing values belong to
    /// theirs.
    /// </summary>
    public static int[] FeatureOf(FeatureEncoding encoding)
    {
        int[] of = new int[encoding.EncodedCount];
        for (int feature = 0; feature < encoding.FeatureCount; feature++)
        {
            of[feature] = feature;
            (int first, int count) = encoding.ComponentsOf(feature);
            of.AsSpan(first, count).Fill(feature);
        }

        for (int i = 0; i < encoding.IndicatedFeatures.Count; i++)
            of[encoding.EncodedCount - encoding.IndicatedFeatures.Count + i] = encoding.IndicatedFeatures[i];
        return of;
    }

    /// <summary>What features contribute.</summary>
    /// <param name="rows">Rows of raw features, one after another; a row that has no score has NaN throughout.</param>
    /// <param name="classes">The classes that are asked for; null for the predicted one of each row.</param>
    /// <param name="contributions">Receives rows × classes × features: φ.</param>
    /// <param name="scores">Receives rows × classes: the scores of all classes.</param>
    public void Calculate(ReadOnlySpan<float> rows, int[]? classes, Span<float> contributions, Span<float> scores)
    {
        int count = rows.Length / FeatureCount;
        if (count == 1)
        {
            Workspace workspace = Rent();
            _scorer.Score(rows, scores);
            if (_encoding.Substitutes is null && !TensorPrimitives.IsFiniteAll(rows))
                scores.Fill(float.NaN);
            else
                _encoding.Encode(rows, workspace.Encoded);
            Block block = workspace.For(rows: 1, CountOf(classes));
            Take(block, row: 0, workspace.Encoded, scores, classes);
            Calculate(block, workspace, scores, contributions);
            Copy(classes, FeatureCount, contributions);
            _workspaces.Add(workspace);
            return;
        }

        ScoringBlock scored = _scorer.Rent();
        int width = (classes?.Length ?? 1) * FeatureCount;
        for (int start = 0; start < count; start += scored.RowCount)
        {
            scored.Clear();
            int size = Math.Min(scored.Capacity, count - start);
            for (int row = start; row < start + size; row++)
                scored.Add(rows.Slice(row * FeatureCount, FeatureCount));
            _scorer.Score(scored);
            Calculate(scored, classes, contributions.Slice(start * width, size * width));
            scored.AllProbabilities.CopyTo(scores[(start * ClassCount)..]);
        }

        _scorer.Return(scored);
    }

    /// <summary>What features contribute to the scores of a block, which is scored.</summary>
    /// <param name="scored">The block; a row with a number that is not finite loses its scores.</param>
    /// <param name="classes">The classes that are asked for; null for the predicted one of each row.</param>
    /// <param name="contributions">Receives rows × classes × features: φ.</param>
    public void Calculate(ScoringBlock scored, int[]? classes, Span<float> contributions)
    {
        Workspace workspace = Rent();
        int width = (classes?.Length ?? 1) * FeatureCount;
        int most = RowsAtOnce(CountOf(classes));
        for (int start = 0; start < scored.RowCount; start += most)
        {
            int count = Math.Min(most, scored.RowCount - start);
            Block block = workspace.For(count, CountOf(classes));
            for (int row = 0; row < count; row++)
            {
                ReadOnlySpan<float> encoded = scored.Expand(start + row);
                Span<float> scores = scored.Probabilities(start + row);
                if (!TensorPrimitives.IsFiniteAll(encoded))
                    scores.Fill(float.NaN);
                Take(block, row, encoded, scores, classes);
            }

            Span<float> ofBlock = contributions.Slice(start * width, count * width);
            Calculate(block, workspace, scored.AllProbabilities.Slice(start * ClassCount, count * ClassCount), ofBlock);
            Copy(classes, count * FeatureCount, ofBlock);
        }

        _workspaces.Add(workspace);
    }

    private static int RowsAtOnce(int asked) =>
        Math.Clamp(LanesAtOnce / asked / LaneWeights.Lanes * LaneWeights.Lanes, LaneWeights.Lanes, LanesOfRows);

    private Workspace Rent() => _workspaces.TryTake(out Workspace? workspace) ? workspace : new Workspace(this);

    // Of two classes, one contributes what the other one does, with the other sign.
    private bool IsMirrored(int[]? classes) => ClassCount == 2 && classes is [0, 1];

    private int CountOf(int[]? classes) => classes is null || IsMirrored(classes) ? 1 : classes.Length;

    // Of rows of whose two classes the first has been calculated.
    private void Copy(int[]? classes, int count, Span<float> contributions)
    {
        if (!IsMirrored(classes))
            return;
        for (int start = count - FeatureCount; start >= 0; start -= FeatureCount)
        {
            Span<float> first = contributions.Slice(2 * start, FeatureCount);
            contributions.Slice(start, FeatureCount).CopyTo(first);
            TensorPrimitives.Negate(first, contributions.Slice(2 * start + FeatureCount, FeatureCount));
        }
    }

    // A row without scores is looked at as if it were the base.
    private void Take(Block block, int row, ReadOnlySpan<float> encoded, ReadOnlySpan<float> scores, int[]? classes)
    {
        bool isMissing = float.IsNaN(scores[0]);
        for (int i = 0; i < _base.Length; i++)
            block.Deltas[i * block.RowLanes + row] = isMissing ? 0 : encoded[i] - _base[i];
        for (int k = 0; k < block.Asked; k++)
            block.Classes[k * block.Rows + row] = classes?[k] ?? IndexOfLargest(scores);
    }

    private void Calculate(Block block, Workspace workspace, ReadOnlySpan<float> scores, Span<float> contributions)
    {
        Present(block, block.Deltas);
        block.Clear();
        for (int piece = 0; piece < _pieces; piece++)
        {
            ShareLogOdds(block, piece, workspace);
            for (int m = 0; m < _networks.Length; m++)
                HandBack(block, piece, m);
        }

        if (_pieces > 1)
            foreach (float[] means in block.Totals.SelectMany(network => network))
                TensorPrimitives.Divide(means, _pieces, means);
        contributions[..(block.Rows * block.Asked * FeatureCount)].Clear();
        if (block.BackLanes == 1)
            GatherOne(block, contributions);
        else
            for (int lane = 0; lane < block.Rows * block.Asked; lane += Block.SharedLanes)
                Gather(block, lane, contributions);
        for (int row = 0; row < block.Rows; row++)
        for (int k = 0; k < block.Asked; k++)
            Complete(
                scores.Slice(row * ClassCount, ClassCount),
                block.Classes[k * block.Rows + row],
                contributions.Slice((row * block.Asked + k) * FeatureCount, FeatureCount),
                workspace.Sizes
            );
    }

    // The rows at the ends of all pieces of their paths.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Present(Block block, float[] deltas)
    {
        int lanes = block.RowLanes;
        for (int m = 0; m < _networks.Length; m++)
        {
            for (int i = 0; i < _networks[m].Features.Count; i++)
            {
                float[] differences = block.Differences[m][i];
                differences.AsSpan().Clear();
                foreach (LaneWeights weights in _networks[m].Features[i].Weights)
                    weights.MultiplyAdd(deltas, differences, lanes);
                for (int end = 0; end <= _pieces; end++)
                {
                    float[] sums = block.States[m][end].FeatureSums[i];
                    TensorPrimitives.Multiply(differences, (float)end / _pieces, sums);
                    if (lanes == 1)
                        TensorPrimitives.Add(sums, _baseSums[m][i], sums);
                    else
                        for (int sample = 0; sample < _baseSums[m][i].Length; sample++)
                        {
                            Span<float> ofSample = sums.AsSpan(sample * lanes, lanes);
                            TensorPrimitives.Add(ofSample, _baseSums[m][i][sample], ofSample);
                        }
                }
            }

            foreach (LaneState state in block.States[m])
                _networks[m].Present(state);
        }
    }

    // z of all networks.
    private void Logits(Block block, int end, int row, Span<double> logits)
    {
        for (int m = 0; m < _networks.Length; m++)
        {
            LaneState state = block.States[m][end];
            for (int j = 0; j < ClassCount; j++)
                logits[m * ClassCount + j] = _slopes[m][j] * state.Scores[j * state.Lanes + row] + _offsets[m][j];
        }
    }

    // How the logits share the differences of L on a piece: factors for what the output neurons aggregate.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ShareLogOdds(Block block, int piece, Workspace workspace)
    {
        int asked = block.Asked;
        double[] from = workspace.From;
        double[] to = workspace.To;
        double[] at = workspace.At;
        ClassLogOdds odds = workspace.Odds;
        for (int row = 0; row < block.Rows; row++)
        {
            Logits(block, piece, row, from);
            Logits(block, piece + 1, row, to);
            double[] factors = workspace.Factors;
            double[] differences = workspace.Differences;
            factors.AsSpan().Clear();
            odds.Take(from);
            for (int k = 0; k < asked; k++)
                differences[k] = -odds.Value(block.Classes[k * block.Rows + row]);
            odds.Take(to);
            for (int k = 0; k < asked; k++)
                differences[k] += odds.Value(block.Classes[k * block.Rows + row]);
            for (int node = 0; node < GaussLegendre.Nodes.Length; node++)
            {
                double t = GaussLegendre.Nodes[node];
                for (int i = 0; i < at.Length; i++)
                    at[i] = from[i] + t * (to[i] - from[i]);
                odds.Take(at);
                for (int k = 0; k < asked; k++)
                    odds.AddSlopes(
                        block.Classes[k * block.Rows + row],
                        GaussLegendre.Weights[node],
                        factors.AsSpan(k * at.Length, at.Length)
                    );
            }

            for (int k = 0; k < asked; k++)
            {
                Span<double> ofClass = factors.AsSpan(k * at.Length, at.Length);
                Complete(from, to, differences[k], ofClass);
                int lane = k * block.Rows + row;
                for (int m = 0; m < _networks.Length; m++)
                for (int j = 0; j < ClassCount; j++)
                    block.Adjoints[m].Scores[j * block.BackLanes + lane] = (float)(
                        ofClass[m * ClassCount + j] * _slopes[m][j]
                    );
            }
        }
    }

    // What is left of a difference because the rule is not exact goes to the factors by the size of their shares.
    private static void Complete(double[] from, double[] to, double difference, Span<double> factors)
    {
        double sum = 0;
        double size = 0;
        for (int i = 0; i < factors.Length; i++)
        {
            double share = factors[i] * (to[i] - from[i]);
            sum += share;
            size += Math.Abs(share);
        }

        if (size < 1e-9)
            return;
        double ratio = (difference - sum) / size;
        for (int i = 0; i < factors.Length; i++)
            factors[i] += ratio * Math.Abs(factors[i]) * Math.Sign(to[i] - from[i]);
    }

    // From the output layer's sums back to those of the features: visits in the opposite order.
    private void HandBack(Block block, int piece, int m)
    {
        LaneNetwork network = _networks[m];
        LaneState from = block.States[m][piece];
        LaneState to = block.States[m][piece + 1];
        Adjoint adjoint = block.Adjoints[m];
        adjoint.Clear();
        for (int v = network.Visits.Count - 1; v >= 0; v--)
        {
            LaneVisit visit = network.Visits[v];
            if (v < network.Visits.Count - 1)
            {
                if (visit.IsPooled)
                    visit.Spread(adjoint.Passed[v], adjoint.Fired[v], block.BackLanes);
                float[]?[] factors = adjoint.Factors[v];
                LaneActivation.Share(
                    visit.Activation,
                    from.SumsOf(v),
                    to.SumsOf(v),
                    from.Fired[v],
                    to.Fired[v],
                    factors
                );
                for (int source = 0; source < factors.Length; source++)
                    if (factors[source] is float[] of)
                        Multiply(block, adjoint.Fired[v], of, adjoint.Sums[v][source]!);
            }

            for (int source = 0; source < visit.Sources.Count; source++)
            {
                LaneSource heard = visit.Sources[source];
                if (heard.Turn != SourceTurn.Aggregated || adjoint.Sums[v][source] is not float[] sums)
                    continue;
                foreach (LaneInput input in heard.Inputs)
                    input.Transposed.MultiplyAdd(
                        sums,
                        input.IsOwn ? adjoint.Fired[input.Visit] : adjoint.Passed[input.Visit],
                        block.BackLanes
                    );
                if (heard.Feature >= 0)
                    TensorPrimitives.Add(block.Totals[m][heard.Feature], sums, block.Totals[m][heard.Feature]);
            }
        }
    }

    // Adds products of what comes back, one a class and row, with the factors of rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(Block block, float[] fired, float[] factors, float[] sums)
    {
        if (block.Asked == 1)
        {
            TensorPrimitives.MultiplyAdd(fired, factors, sums, sums);
            return;
        }

        int rows = block.Rows;
        for (int sample = 0; sample < fired.Length / block.BackLanes; sample++)
        {
            int at = sample * block.BackLanes;
            if (rows == 1)
            {
                Span<float> all = sums.AsSpan(at, block.Asked);
                TensorPrimitives.MultiplyAdd(fired.AsSpan(at, block.Asked), factors[sample], all, all);
                continue;
            }

            ReadOnlySpan<float> factor = factors.AsSpan(sample * block.RowLanes, rows);
            for (int k = 0; k < block.Asked; k++)
            {
                Span<float> sum = sums.AsSpan(at + k * rows, rows);
                TensorPrimitives.MultiplyAdd(fired.AsSpan(at + k * rows, rows), factor, sum, sum);
            }
        }
    }

    // From slopes by the sums to slopes by what the network reads, times differences, added up by feature.
    private void GatherOne(Block block, Span<float> contributions)
    {
        block.Shares.AsSpan().Clear();
        for (int m = 0; m < _networks.Length; m++)
        for (int i = 0; i < _networks[m].Features.Count; i++)
            foreach (LaneWeights weights in _networks[m].Features[i].Weights)
                weights.TransposedMultiplyAdd(block.Totals[m][i], block.Shares);
        for (int i = 0; i < _featureOf.Length; i++)
            contributions[_featureOf[i]] += block.Shares[i] * block.Deltas[i];
    }

    // The same for lanes that lie side by side.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gather(Block block, int lane, Span<float> contributions)
    {
        const int Side = LaneWeights.Lanes;
        int lanes = Math.Min(Block.SharedLanes, block.BackLanes - lane);
        block.Shares.AsSpan().Clear();
        for (int m = 0; m < _networks.Length; m++)
        for (int i = 0; i < _networks[m].Features.Count; i++)
            foreach (LaneWeights transposed in _networks[m].Features[i].Transposed)
                transposed.MultiplyAdd(
                    block.Totals[m][i].AsSpan(lane),
                    block.BackLanes,
                    block.Shares,
                    Block.SharedLanes,
                    lanes
                );

        // Squares of numbers and lanes: both sides of the turn stay in the first-level cache.
        lanes = Math.Min(lanes, block.Rows * block.Asked - lane);
        for (int left = 0; left < lanes; left += Side)
        for (int first = 0; first < _featureOf.Length; first += Side)
        {
            int last = Math.Min(first + Side, _featureOf.Length);
            for (int l = left; l < Math.Min(left + Side, lanes); l++)
            {
                (int k, int row) = Math.DivRem(lane + l, block.Rows);
                Span<float> ofLane = contributions.Slice((row * block.Asked + k) * FeatureCount, FeatureCount);
                ref float share = ref block.Shares[first * Block.SharedLanes + l];
                ref float delta = ref block.Deltas[first * block.RowLanes + row];
                for (int i = first; i < last; i++)
                {
                    ofLane[_featureOf[i]] += share * delta;
                    share = ref Unsafe.Add(ref share, Block.SharedLanes);
                    delta = ref Unsafe.Add(ref delta, block.RowLanes);
                }
            }
        }
    }

    // What rounding leaves of the score goes to the features by the size of their shares.
    private void Complete(ReadOnlySpan<float> scores, int label, Span<float> contributions, Span<float> sizes)
    {
        if (float.IsNaN(scores[0]))
        {
            contributions.Fill(float.NaN);
            return;
        }

        double target = ClassLogOdds.OfScore(scores, label) - Base[label];
        if (!(Math.Abs(target + Base[label]) < LargestOdds))
            return; // scores so close to 0 are no longer exact
        TensorPrimitives.Abs(contributions, sizes);
        double size = TensorPrimitives.Sum<float>(sizes);
        if (size == 0)
            return;
        double rest = target - TensorPrimitives.Sum<float>(contributions);
        TensorPrimitives.MultiplyAdd(sizes, (float)(rest / size), contributions, contributions);
    }

    private float[][] SumsOfBase(LaneNetwork network)
    {
        var sums = new float[network.Features.Count][];
        for (int i = 0; i < sums.Length; i++)
            sums[i] = network.Features[i].Aggregate(_base);
        return sums;
    }

    private static double[] Numbers(IReadOnlyList<float> numbers, bool isUsed, double otherwise) =>
        [.. numbers.Select(number => isUsed ? number : otherwise)];

    private static int IndexOfLargest(ReadOnlySpan<float> scores) => TensorPrimitives.IndexOfMax(scores);
}
