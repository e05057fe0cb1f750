// Which features matter: what the scores lose of their information about the class where a feature's contribution to the sums is
// that of other rows.
//
//   symbol   variable      shape                        unit
//   x        encoded       numbers × rows               –        what the networks read of a row
//   π        donor         rows                                  the row that lends its values
//   d        losses        features × rows              bits     −log₂ p(class | x with the feature of π) + log₂ p(class | x)
//   I        Information   features                     bits     the mean of d over rows and donors
//
// [I]  I = H×(C | scores without the feature) − H×(C | scores), with H× the cross-entropy of classes and scores.
//
// A feature that is independent of all else, of the class and of the other features, has I = 0 whatever the network does with it:
// rows with a donor's value are as probable as rows are. So do rows that were not trained on say; on rows that were, what was
// learned by heart counts. A feature that says something only together with others (exclusive or) loses it all.
//
// The interval is that of a mean of rows: a row counts by what it loses and by what it makes others lose. By Bonferroni's
// inequality the intervals of all features hold together.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Features that are looked at together.</summary>
/// <param name="Name">What they are called.</param>
/// <param name="Slots">Their places.</param>
internal sealed record FeatureGroup(string Name, IReadOnlyList<int> Slots);

/// <summary>Ranks the features of a model on labelled rows: managed code alone, nothing is trained.</summary>
internal sealed class FeatureRanker
{
    private const int RowsAtOnce = 64;

    private readonly LaneNetwork[] _networks;
    private readonly IReadOnlyList<InfomorphicNetwork> _models;
    private readonly bool _calibrate;
    private readonly FeatureEncoding _encoding;
    private readonly FeatureRankingSettings _settings;
    private readonly int[] _labels;
    private readonly double[] _weights;
    private readonly float[][] _encoded;
    private readonly int[][] _donors;
    private readonly int[][] _numbers;
    private readonly int[] _layers;
    private readonly int _classes;

    private FeatureRanker(
        IReadOnlyList<InfomorphicNetwork> networks,
        bool calibrate,
        FeatureEncoding encoding,
        LabeledRows rows,
        IReadOnlyList<FeatureGroup> groups,
        FeatureRankingSettings settings
    )
    {
        (_models, _calibrate, _encoding, _settings) = (networks, calibrate, encoding, settings);
        _classes = networks[0].ClassCount;
        _networks = [.. networks.Select(network => new LaneNetwork(network))];
        _layers = [.. _networks[0].Features.Select(source => source.Layer).Distinct().Order()];
        var random = new RandomStream(settings.Seed, RandomStreams.Insight);
        int[] order = [.. Enumerable.Range(0, rows.RowCount)];
        random.Shuffle(order);
        order = order[..Math.Min(order.Length, settings.MaximumRows)];
        _labels = Array.ConvertAll(order, row => rows.Labels[row]);
        _weights = Array.ConvertAll(order, row => (double)(rows.Weights?[row] ?? 1));
        _donors = Donors(order.Length, settings.Repeats, random);
        int[] featureOf = RowContributions.FeatureOf(encoding);
        ILookup<int, int> numbersOf = Enumerable.Range(0, featureOf.Length).ToLookup(number => featureOf[number]);
        _numbers = [.. groups.Select(group => group.Slots.SelectMany(slot => numbersOf[slot]).ToArray())];
        _encoded = [.. new float[featureOf.Length][].Select(_ => new float[order.Length])];
        float[] features = new float[encoding.FeatureCount];
        float[] encoded = new float[featureOf.Length];
        for (int row = 0; row < order.Length; row++)
        {
            rows.Features.CopyRow(order[row], features);
            encoding.Encode(features, encoded);
            for (int i = 0; i < encoded.Length; i++)
                _encoded[i][row] = encoded[i];
        }
    }

    private int RowCount => _labels.Length;

    /// <summary>Ranks features.</summary>
    /// <param name="networks">The networks of a model.</param>
    /// <param name="calibrate">Whether scores are calibrated.</param>
    /// <param name="encoding">What they read of a row.</param>
    /// <param name="rows">Labelled rows, at least two, of raw features.</param>
    /// <param name="groups">The features that are looked at, each in one group at most.</param>
    /// <param name="classNames">The classes' names.</param>
    /// <param name="settings">How to look at them.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static FeatureRanking Rank(
        IReadOnlyList<InfomorphicNetwork> networks,
        bool calibrate,
        FeatureEncoding encoding,
        LabeledRows rows,
        IReadOnlyList<FeatureGroup> groups,
        IReadOnlyList<string> classNames,
        FeatureRankingSettings settings,
        CancellationToken cancellationToken = default
    )
    {
        settings.Validate(networks.Count);
        if (rows.RowCount < 2)
            throw new InvalidOperationException(
                "Features are ranked on two rows or more: rows lend each other their values."
            );
        return new FeatureRanker(networks, calibrate, encoding, rows, groups, settings).Run(
            groups,
            classNames,
            cancellationToken
        );
    }

    /// <summary>
    /// The rows that lend values, one permutation a repeat: every row lends to one other. In a random order of rows, each has
    /// those that are a fixed number of places behind it.
    /// </summary>
    internal static int[][] Donors(int rows, int repeats, RandomStream random)
    {
        int[] order = [.. Enumerable.Range(0, rows)];
        random.Shuffle(order);
        int[] shifts = [.. Enumerable.Range(1, rows - 1)];
        random.Shuffle(shifts);
        int[][] donors = new int[Math.Min(repeats, shifts.Length)][];
        for (int repeat = 0; repeat < donors.Length; repeat++)
        {
            donors[repeat] = new int[rows];
            for (int i = 0; i < rows; i++)
                donors[repeat][order[i]] = order[(i + shifts[repeat]) % rows];
        }

        return donors;
    }

    private FeatureRanking Run(
        IReadOnlyList<FeatureGroup> groups,
        IReadOnlyList<string> classNames,
        CancellationToken cancellationToken
    )
    {
        InfomorphicNetwork chosen = _models[_settings.Network];
        int[] neurons = _settings.Neurons ? [.. chosen.HiddenLayers.Select(layer => layer.NeuronCount)] : [];

        // Ways to replace a feature: in all that is heard of it, and where several layers hear it, in what each hears.
        int ways = _layers.Length > 1 ? 1 + _layers.Length : 1;
        var results = new GroupResult[groups.Count];
        for (int group = 0; group < results.Length; group++)
            results[group] = new GroupResult(ways, RowCount, _classes, neurons);
        double[] baseLosses = new double[RowCount];
        bool[] baseRight = new bool[RowCount];
        var baseResponses = new Responses(_classes, neurons);
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = _settings.Threads ?? Environment.ProcessorCount,
            CancellationToken = cancellationToken,
        };
        var chunk = new Chunk(this);
        for (int start = 0; start < RowCount; start += RowsAtOnce)
        {
            chunk.Take(start, baseLosses, baseRight, baseResponses);
            Parallel.For(
                0,
                groups.Count,
                parallel,
                () => new Worker(this),
                (group, _, worker) =>
                {
                    worker.Replace(chunk, _numbers[group], results[group], baseLosses, baseRight);
                    return worker;
                },
                _ => { }
            );
        }

        double total = _weights.Sum();
        double[] shares = new double[_classes];
        for (int row = 0; row < RowCount; row++)
            shares[_labels[row]] += _weights[row] / total;
        double[][] informed = baseResponses.Information(shares);
        double z = Quantile((1 - _settings.Confidence) / 2 / groups.Count);
        FeatureInformation[] features =
        [
            .. groups.Select((group, i) => ToInformation(group, results[i], informed, shares, z)),
        ];
        return new FeatureRanking(
            [.. features.OrderByDescending(feature => feature.Information.Bits)],
            classNames,
            [.. _layers.Select(layer => LayerInput.NameOf(chosen, Signal.Layer(layer)))],
            [.. chosen.HiddenLayers.Select((_, layer) => LayerInput.NameOf(chosen, Signal.Layer(layer)))],
            baseLosses.Zip(_weights, (loss, weight) => loss * weight).Sum() / total,
            -shares.Where(share => share > 0).Sum(share => share * Math.Log2(share)),
            RowCount,
            _settings
        );
    }

    private FeatureInformation ToInformation(
        FeatureGroup group,
        GroupResult result,
        double[][] informed,
        double[] shares,
        double z
    )
    {
        var whole = Estimate(result.Received[0], result.Lent[0][0], _ => true, z);
        InformationEstimate[] byClass =
        [
            .. Enumerable
                .Range(0, _classes)
                .Select(k => Estimate(result.Received[0], result.Lent[0][k + 1], row => _labels[row] == k, z)),
        ];
        InformationEstimate[] byLayer =
            _layers.Length > 1
                ? [.. _layers.Select((_, i) => Estimate(result.Received[i + 1], result.Lent[i + 1][0], _ => true, z))]
                : [whole];

        double[][] left = result.Responses.Information(shares);
        return new FeatureInformation(
            group.Name,
            group.Slots,
            whole,
            result.Accuracy / _weights.Sum(),
            byClass,
            byLayer,
            [.. informed.Zip(left, (with, without) => with.Zip(without, (a, b) => a - b).ToArray())]
        );
    }

    // The weighted mean over rows, and its interval: a row's influence is what it loses and what others lose by it.
    private InformationEstimate Estimate(double[] received, double[] lent, Func<int, bool> counts, double z)
    {
        double weight = 0;
        double sum = 0;
        for (int row = 0; row < received.Length; row++)
            if (counts(row))
            {
                weight += _weights[row];
                sum += _weights[row] * received[row];
            }

        if (weight == 0)
            return new InformationEstimate(double.NaN, double.NaN);
        double mean = sum / weight;
        double meanLent = sum / received.Length;
        double variance = 0;
        for (int row = 0; row < received.Length; row++)
        {
            double influence = lent[row] - meanLent;
            if (counts(row))
                influence += _weights[row] * (received[row] - mean);
            variance += influence * influence;
        }

        return new InformationEstimate(mean, z * Math.Sqrt(variance) / weight);
    }

    // M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions", 26.2.23: where a standard normal variable is larger
    // with a small probability, to an absolute error below 4.5·10⁻⁴.
    private static double Quantile(double tail)
    {
        double t = Math.Sqrt(-2 * Math.Log(tail));
        double above = 2.515517 + t * (0.802853 + t * 0.010328);
        double below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
        return t - above / below;
    }

    // −log₂ of the mean of the networks' scores of the right class, and whether no other class has a larger one.
    private void Judge(LaneState[] states, int start, int count, double[] scores, Span<double> losses, Span<bool> right)
    {
        scores.AsSpan(0, count * _classes).Clear();
        for (int m = 0; m < states.Length; m++)
        {
            ScoreCalibration calibration = _models[m].Calibration;
            LaneState state = states[m];
            for (int row = 0; row < count; row++)
            {
                Span<double> ofRow = scores.AsSpan(row * _classes, _classes);
                double largest = double.NegativeInfinity;
                for (int k = 0; k < _classes; k++)
                    largest = Math.Max(largest, Logit(k));
                double sum = 0;
                for (int k = 0; k < _classes; k++)
                    sum += Math.Exp(Logit(k) - largest);
                for (int k = 0; k < _classes; k++)
                    ofRow[k] += Math.Exp(Logit(k) - largest) / sum / states.Length;

                double Logit(int k)
                {
                    double z = state.Scores[k * state.Lanes + row];
                    return _calibrate ? calibration.Slopes[k] * z + calibration.Offsets[k] : z;
                }
            }
        }

        for (int row = 0; row < count; row++)
        {
            Span<double> ofRow = scores.AsSpan(row * _classes, _classes);
            int label = _labels[start + row];

            // What scores round to 0 is as surprising as the smallest number that is none.
            losses[row] = -Math.Log2(Math.Max(ofRow[label], float.Epsilon));
            right[row] = TensorPrimitives.IndexOfMax<double>(ofRow) == label;
        }
    }

    /// <summary>Rows that are looked at together, with all of their own values.</summary>
    private sealed class Chunk
    {
        private readonly FeatureRanker _of;
        private readonly LaneState[] _states;
        private readonly float[] _encoded;
        private readonly double[] _scores;

        public Chunk(FeatureRanker of)
        {
            _of = of;
            _states = [.. of._networks.Select(network => new LaneState(network, RowsAtOnce))];
            Sums = [.. _states.Select(state => state.FeatureSums.Select(sums => new float[sums.Length]).ToArray())];
            _encoded = new float[of._encoded.Length * RowsAtOnce];
            _scores = new double[of._classes * RowsAtOnce];
        }

        public int Start { get; private set; }

        public int Count { get; private set; }

        /// <summary>What each network's sources aggregate of the features.</summary>
        public float[][][] Sums { get; }

        public void Take(int start, double[] losses, bool[] right, Responses responses)
        {
            Start = start;
            Count = Math.Min(RowsAtOnce, _of.RowCount - start);
            for (int i = 0; i < _of._encoded.Length; i++)
                _of._encoded[i].AsSpan(start, Count).CopyTo(_encoded.AsSpan(i * RowsAtOnce));
            for (int m = 0; m < _states.Length; m++)
            {
                for (int i = 0; i < Sums[m].Length; i++)
                {
                    _of._networks[m].Features[i].Aggregate(_encoded, Sums[m][i], RowsAtOnce);
                    Sums[m][i].CopyTo(_states[m].FeatureSums[i], 0);
                }

                _of._networks[m].Present(_states[m]);
            }

            _of.Judge(_states, start, Count, _scores, losses.AsSpan(start), right.AsSpan(start));
            responses.Add(_of, _states, start, Count);
        }
    }

    /// <summary>One thread's memory.</summary>
    private sealed class Worker(FeatureRanker of)
    {
        private readonly LaneState[] _states = [.. of._networks.Select(network => new LaneState(network, RowsAtOnce))];
        private readonly float[] _differences = new float[RowsAtOnce];
        private readonly double[] _scores = new double[of._classes * RowsAtOnce];
        private readonly double[] _losses = new double[RowsAtOnce];
        private readonly bool[] _right = new bool[RowsAtOnce];

        public void Replace(Chunk chunk, int[] numbers, GroupResult result, double[] baseLosses, bool[] baseRight)
        {
            for (int way = 0; way < result.Received.Length; way++)
                foreach (int[] donors in of._donors)
                {
                    int? layer = way == 0 ? null : of._layers[way - 1];
                    Present(chunk, numbers, donors, layer);
                    of.Judge(_states, chunk.Start, chunk.Count, _scores, _losses, _right);
                    for (int i = 0; i < chunk.Count; i++)
                    {
                        int row = chunk.Start + i;
                        double loss = (_losses[i] - baseLosses[row]) / of._donors.Length;
                        result.Received[way][row] += loss;
                        result.Lent[way][0][donors[row]] += of._weights[row] * loss;
                        if (way != 0)
                            continue;
                        double wrong = (baseRight[row] ? 1 : 0) - (_right[i] ? 1 : 0);
                        result.Accuracy += of._weights[row] * wrong / of._donors.Length;
                        result.Lent[way][1 + of._labels[row]][donors[row]] += of._weights[row] * loss;
                    }

                    if (way == 0)
                        result.Responses.Add(of, _states, chunk.Start, chunk.Count);
                }
        }

        // Values of other rows: sums change by weights times differences.
        private void Present(Chunk chunk, int[] numbers, int[] donors, int? layer)
        {
            for (int m = 0; m < _states.Length; m++)
            for (int i = 0; i < chunk.Sums[m].Length; i++)
                chunk.Sums[m][i].CopyTo(_states[m].FeatureSums[i], 0);
            foreach (int number in numbers)
            {
                float[] values = of._encoded[number];
                bool differs = false;
                for (int i = 0; i < chunk.Count; i++)
                {
                    _differences[i] = values[donors[chunk.Start + i]] - values[chunk.Start + i];
                    differs |= _differences[i] != 0;
                }

                if (!differs)
                    continue;
                for (int m = 0; m < _states.Length; m++)
                {
                    IReadOnlyList<FeatureSource> sources = of._networks[m].Features;
                    for (int i = 0; i < sources.Count; i++)
                        if (layer is null || sources[i].Layer == layer)
                            foreach (LaneWeights transposed in sources[i].Transposed)
                                transposed.Scatter(number, _differences, _states[m].FeatureSums[i], RowsAtOnce);
                }
            }

            for (int m = 0; m < _states.Length; m++)
                of._networks[m].Present(_states[m]);
        }
    }

    /// <summary>What is found out about a feature.</summary>
    private sealed class GroupResult(int ways, int rows, int classes, int[] neurons)
    {
        /// <summary>For each way, what each row loses: the mean over its donors.</summary>
        public double[][] Received { get; } = [.. new double[ways][].Select(_ => new double[rows])];

        /// <summary>
        /// For each way, what rows lose by each row's values, times their weights: all rows, and in the first way those of each
        /// class.
        /// </summary>
        public double[][][] Lent { get; } =
        [
            .. Enumerable
                .Range(0, ways)
                .Select(way =>
                    new double[way == 0 ? classes + 1 : 1][]
                        .Select(_ => new double[rows])
                        .ToArray()
                ),
        ];

        public Responses Responses { get; } = new(classes, neurons);

        /// <summary>The weight of rows that are classified wrongly without the feature, and rightly with it.</summary>
        public double Accuracy { get; set; }
    }

    /// <summary>Firing probabilities of hidden neurons, added up by class.</summary>
    private sealed class Responses(int classes, int[] neurons)
    {
        // Of each layer: neurons × classes.
        private readonly double[][] _sums = [.. neurons.Select(count => new double[count * classes])];
        private readonly double[] _weights = new double[classes];

        public void Add(FeatureRanker of, LaneState[] states, int start, int count)
        {
            if (neurons.Length == 0)
                return;
            LaneNetwork network = of._networks[of._settings.Network];
            LaneState state = states[of._settings.Network];
            for (int row = 0; row < count; row++)
                _weights[of._labels[start + row]] += of._weights[start + row];
            for (int layer = 0; layer < neurons.Length; layer++)
            {
                if (network.LastVisitOf(layer) is not int visit)
                    continue; // nobody hears it
                float[] fired = state.Fired[visit];
                int samples = fired.Length / state.Lanes;
                bool isStep = network.Visits[visit].Activation is StepActivation;
                for (int sample = 0; sample < samples; sample++)
                {
                    Span<double> sums = _sums[layer].AsSpan(sample % neurons[layer] * classes, classes);
                    ReadOnlySpan<float> y = fired.AsSpan(sample * state.Lanes, count);
                    double share = (double)neurons[layer] / samples;
                    for (int row = 0; row < count; row++)
                    {
                        double theta = isStep ? y[row] : 0.5 * (1 + (double)y[row]);
                        sums[of._labels[start + row]] += share * of._weights[start + row] * theta;
                    }
                }
            }
        }

        /// <summary>I(Y : class) of each neuron, in bits.</summary>
        /// <param name="shares">The shares of the classes.</param>
        public double[][] Information(double[] shares)
        {
            return
            [
                .. _sums.Select(sums =>
                    Enumerable.Range(0, sums.Length / classes).Select(neuron => Of(sums, neuron)).ToArray()
                ),
            ];

            double Of(double[] sums, int neuron)
            {
                double mean = 0;
                double conditional = 0;
                for (int k = 0; k < classes; k++)
                {
                    if (_weights[k] == 0)
                        continue;
                    double theta = sums[neuron * classes + k] / _weights[k];
                    mean += shares[k] * theta;
                    conditional += shares[k] * Entropy(theta);
                }

                return Entropy(mean) - conditional;
            }
        }

        private static double Entropy(double p) =>
            p is <= 0 or >= 1 ? 0 : -p * Math.Log2(p) - (1 - p) * Math.Log2(1 - p);
    }
}
