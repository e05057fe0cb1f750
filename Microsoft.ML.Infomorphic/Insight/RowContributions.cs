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

using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Finds what features contribute to the scores of rows. Safe for any number of threads, each with a <see cref="Workspace"/>.</summary>
internal sealed class RowContributions
{
    /// <summary>Pieces of a path, where nothing else is asked for.</summary>
    public const int DefaultPieces = 1;

    private const int LanesAtOnce = 512;
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
        Workspace workspace = NewWorkspace();
        float[] none = new float[_base.Length];
        Block block = workspace.For(rows: 1, classes: 1);
        Present(block, none);
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

    /// <summary>A good number of rows at once.</summary>
    /// <param name="classes">Number of classes that are asked for.</param>
    public static int RowsAtOnce(int classes) => Math.Clamp(LanesAtOnce / classes / 16 * 16, 16, 64);

    /// <summary>Why a model has no contributions, in one sentence; null where it has them.</summary>
    public static string? ObstacleTo(InfomorphicNetwork network, ScoringSettings settings) =>
        settings.Mode != ScoringMode.MeanField
            ? $"The model is scored in the mode {settings.Mode}, in which scores jump: contributions are of models that WithScoring makes score by {nameof(ScoringMode.MeanField)}."
        : network.Layers.Any(layer => layer.Activation is StepActivation)
            ? "The model has neurons that fire by a step, as those of a random projection: scores jump, and contributions have no measure."
        : null;

    /// <summary>Memory for one thread.</summary>
    public Workspace NewWorkspace() => new(this);

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
    /// <param name="workspace">The thread's memory.</param>
    /// <param name="contributions">Receives rows × classes × features: φ.</param>
    /// <param name="scores">Receives rows × classes: the scores of all classes.</param>
    public void Calculate(
        ReadOnlySpan<float> rows,
        int[]? classes,
        Workspace workspace,
        Span<float> contributions,
        Span<float> scores
    )
    {
        int count = rows.Length / FeatureCount;
        int asked = classes?.Length ?? 1;
        int most = RowsAtOnce(asked);
        for (int start = 0; start < count; start += most)
        {
            int size = Math.Min(most, count - start);
            CalculateBlock(
                rows.Slice(start * FeatureCount, size * FeatureCount),
                classes,
                workspace,
                contributions.Slice(start * asked * FeatureCount, size * asked * FeatureCount),
                scores.Slice(start * ClassCount, size * ClassCount)
            );
        }
    }

    private void CalculateBlock(
        ReadOnlySpan<float> rows,
        int[]? classes,
        Workspace workspace,
        Span<float> contributions,
        Span<float> scores
    )
    {
        int count = rows.Length / FeatureCount;
        int asked = classes?.Length ?? 1;
        Block block = workspace.For(count, asked);
        float[] encoded = workspace.Encoded;
        Score(rows, scores);
        for (int row = 0; row < count; row++)
        {
            ReadOnlySpan<float> features = rows.Slice(row * FeatureCount, FeatureCount);
            Span<float> ofRow = scores.Slice(row * ClassCount, ClassCount);
            if (_encoding.Substitutes is null && !TensorPrimitives.IsFiniteAll(features))
                ofRow.Fill(float.NaN);
            if (float.IsNaN(ofRow[0]))
                Array.Copy(_base, encoded, encoded.Length);
            else
                _encoding.Encode(features, encoded);
            for (int i = 0; i < encoded.Length; i++)
                block.Deltas[i * block.RowLanes + row] = encoded[i] - _base[i];
            for (int k = 0; k < asked; k++)
                block.Classes[k * count + row] = classes?[k] ?? IndexOfLargest(ofRow);
        }

        Present(block, block.Deltas);
        block.Clear();
        for (int piece = 0; piece < _pieces; piece++)
        {
            ShareLogOdds(block, piece, workspace);
            for (int m = 0; m < _networks.Length; m++)
                HandBack(block, piece, m);
        }

        for (int m = 0; m < _networks.Length; m++)
            Gather(block, m);
        for (int row = 0; row < count; row++)
        for (int k = 0; k < asked; k++)
            Finish(
                block,
                row,
                k,
                scores.Slice(row * ClassCount, ClassCount),
                contributions.Slice((row * asked + k) * FeatureCount, FeatureCount)
            );
    }

    private void Score(ReadOnlySpan<float> rows, Span<float> scores)
    {
        int count = rows.Length / FeatureCount;
        if (count == 1)
        {
            _scorer.Score(rows, scores);
            return;
        }

        ScoringBlock scored = _scorer.Rent();
        for (int start = 0; start < count; )
        {
            scored.Clear();
            int size = Math.Min(scored.Capacity, count - start);
            for (int row = start; row < start + size; row++)
                scored.Add(rows.Slice(row * FeatureCount, FeatureCount));
            _scorer.Score(scored);
            scored.AllProbabilities.CopyTo(scores[(start * ClassCount)..]);
            start += size;
        }

        _scorer.Return(scored);
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

    // From the mean over the pieces to slopes of the numbers that the network reads.
    private void Gather(Block block, int m)
    {
        for (int i = 0; i < _networks[m].Features.Count; i++)
        {
            FeatureSource source = _networks[m].Features[i];
            float[] means = block.Totals[m][i];
            if (_pieces > 1)
                TensorPrimitives.Divide(means, _pieces, means);
            for (int part = 0; part < source.Weights.Count; part++)
                if (block.BackLanes == 1)
                    source.Weights[part].TransposedMultiplyAdd(means, block.Shares);
                else
                    source.Transposed[part].MultiplyAdd(means, block.Shares, block.BackLanes);
        }
    }

    // Slopes times differences, added up by feature; and what rounding leaves of the score.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Finish(Block block, int row, int k, ReadOnlySpan<float> scores, Span<float> contributions)
    {
        if (float.IsNaN(scores[0]))
        {
            contributions.Fill(float.NaN);
            return;
        }

        contributions.Clear();
        int lane = k * block.Rows + row;
        for (int i = 0; i < _featureOf.Length; i++)
            contributions[_featureOf[i]] +=
                block.Shares[i * block.BackLanes + lane] * block.Deltas[i * block.RowLanes + row];
        int label = block.Classes[lane];
        double target = ClassLogOdds.OfScore(scores, label) - Base[label];
        if (!(Math.Abs(target + Base[label]) < LargestOdds))
            return; // scores so close to 0 are no longer exact
        double sum = 0;
        double size = 0;
        foreach (float contribution in contributions)
        {
            sum += contribution;
            size += Math.Abs(contribution);
        }

        double ratio = size == 0 ? 0 : (target - sum) / size;
        foreach (ref float contribution in contributions)
            contribution += (float)(ratio * Math.Abs(contribution));
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

    /// <summary>One thread's memory.</summary>
    internal sealed class Workspace(RowContributions of)
    {
        private readonly int _logits = of._networks.Length * of.ClassCount;
        private Block? _block;

        public ClassLogOdds Odds { get; } = new(of._networks.Length, of.ClassCount);

        public float[] Encoded { get; } = new float[of._base.Length];

        public double[] From { get; } = new double[of._networks.Length * of.ClassCount];

        public double[] To { get; } = new double[of._networks.Length * of.ClassCount];

        public double[] At { get; } = new double[of._networks.Length * of.ClassCount];

        public double[] Factors { get; private set; } = [];

        public double[] Differences { get; private set; } = [];

        /// <summary>Room for so many rows and classes.</summary>
        public Block For(int rows, int classes)
        {
            if (_block is null || (_block.Rows, _block.Asked) != (rows, classes))
                _block = new Block(of, rows, classes);
            if (Differences.Length != classes)
            {
                Differences = new double[classes];
                Factors = new double[classes * _logits];
            }

            return _block;
        }
    }

    /// <summary>The numbers of rows that are looked at together.</summary>
    internal sealed class Block
    {
        public Block(RowContributions of, int rows, int asked)
        {
            (Rows, Asked) = (rows, asked);

            // What is of one row alone lies side by side.
            RowLanes = rows == 1 ? 1 : LaneWeights.Padded(rows);
            BackLanes = asked == 1 ? RowLanes : LaneWeights.Padded(rows * asked);
            Deltas = new float[of._base.Length * RowLanes];
            Shares = new float[of._base.Length * BackLanes];
            Classes = new int[asked * rows];
            States =
            [
                .. of._networks.Select(network =>
                    Enumerable.Range(0, of._pieces + 1).Select(_ => new LaneState(network, RowLanes)).ToArray()
                ),
            ];
            Differences = PerSource(RowLanes);
            Totals = PerSource(BackLanes);
            Adjoints = [.. of._networks.Select(network => new Adjoint(network, BackLanes, RowLanes))];

            float[][][] PerSource(int lanes) =>
                [
                    .. of._networks.Select(network =>
                        network.Features.Select(source => new float[source.SampleCount * lanes]).ToArray()
                    ),
                ];
        }

        public int Rows { get; }

        public int Asked { get; }

        /// <summary>Lanes of numbers of rows.</summary>
        public int RowLanes { get; }

        /// <summary>Lanes of numbers of (class, row).</summary>
        public int BackLanes { get; }

        /// <summary>x − x₀, numbers × rows.</summary>
        public float[] Deltas { get; }

        /// <summary>Slopes of L, numbers × (classes × rows).</summary>
        public float[] Shares { get; }

        /// <summary>The classes that are asked for, classes × rows.</summary>
        public int[] Classes { get; }

        /// <summary>Each network at the ends of the pieces.</summary>
        public LaneState[][] States { get; }

        /// <summary>W (x − x₀) of each network and source.</summary>
        public float[][][] Differences { get; }

        /// <summary>How L changes by what each source of each network aggregates of the features, over all pieces.</summary>
        public float[][][] Totals { get; }

        public Adjoint[] Adjoints { get; }

        public void Clear()
        {
            Shares.AsSpan().Clear();
            foreach (float[] totals in Totals.SelectMany(network => network))
                totals.AsSpan().Clear();
        }
    }

    /// <summary>What comes back from L: how it changes by sums and outputs. Lanes are (class, row).</summary>
    internal sealed class Adjoint
    {
        public Adjoint(LaneNetwork network, int lanes, int rowLanes)
        {
            int visits = network.Visits.Count;
            Sums = new float[visits][][];
            Fired = new float[visits][];
            Passed = new float[visits][];
            Factors = new float[visits][][];
            for (int i = 0; i < visits; i++)
            {
                LaneVisit visit = network.Visits[i];
                bool isLast = i == visits - 1;
                Sums[i] =
                [
                    .. visit.Sources.Select(
                        (source, place) =>
                            source.IsConstant ? null
                            : source.Turn == SourceTurn.Kept ? Sums[visit.Earlier][place]
                            : new float[visit.SampleCount * lanes]
                    ),
                ];
                Factors[i] =
                [
                    .. visit.Sources.Select(source =>
                        source.IsConstant || isLast ? null : new float[visit.SampleCount * rowLanes]
                    ),
                ];
                Fired[i] = isLast ? [] : new float[visit.SampleCount * lanes];
                Passed[i] = visit.IsPooled ? new float[visit.OutputCount * lanes] : Fired[i];
            }
        }

        public float[]?[][] Sums { get; }

        public float[][] Fired { get; }

        public float[][] Passed { get; }

        public float[]?[][] Factors { get; }

        /// <summary>Of what the output neurons aggregate.</summary>
        public float[] Scores => Sums[^1][0]!;

        /// <summary>Forgets all but what is known of the output neurons.</summary>
        public void Clear()
        {
            for (int i = 0; i < Fired.Length - 1; i++)
            {
                Fired[i].AsSpan().Clear();
                Passed[i].AsSpan().Clear();
                foreach (float[]? sums in Sums[i])
                    sums.AsSpan().Clear();
            }
        }
    }
}
