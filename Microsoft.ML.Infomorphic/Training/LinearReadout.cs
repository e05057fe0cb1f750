// Beside the network, a softmax regression on the features alone. What the rows that are held out make likeliest of the two,
// p = softmax(a·F + b·G) with priors a ~ N(1, 1) and b ~ N(0, 1) and neither negative, is what the output layer then computes.
//
//   symbol   variable         shape            unit
//   F        network          classes × rows   –      the output layer's sums
//   G        line             classes × rows   –      those of the regression on the features
//   w        masses           rows             rows   sum to the number of rows
//   a, b     result           1                –

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training.Cpu;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// A softmax regression on the features themselves, learned beside a network. Neurons and curves find more in few rows than there
/// is, where classes are told apart by straight lines; where they are not, lines say little. The rows that are held out tell which:
/// the output layer, which reads the features too, becomes what they make likeliest of both.
/// </summary>
internal sealed class LinearReadout : IDisposable
{
    // It has one optimum, and falling rates come near it in so many steps; …
    private const int Steps = 1500;

    // … where there are few rows, in so many passes.
    private const int MostEpochs = 100;

    private readonly RowSource _rows;
    private readonly RowSource? _validation;
    private readonly int[] _heldOut;
    private readonly int _batchSize;
    private readonly TrainingSettings _settings;
    private readonly NetworkState _state;
    private bool _knowsAll;

    /// <param name="rows">The training rows, with their features as they are.</param>
    /// <param name="validation">Rows to compare by; null for those of the training rows that are held out.</param>
    /// <param name="split">Which of the training rows are learned from.</param>
    /// <param name="scaling">How features are standardised.</param>
    /// <param name="settings">The network's settings.</param>
    /// <param name="checkAlive">Called before every step; throws to end the training.</param>
    public LinearReadout(
        RowSource rows,
        RowSource? validation,
        RowSplit split,
        FeatureScaling scaling,
        TrainingSettings settings,
        Action checkAlive
    )
    {
        _rows = rows;
        _validation = validation;
        _heldOut = split.HeldOut;
        _settings = settings with
        {
            HiddenLayers = [],
            Output = new OutputLayerSettings
            {
                Inputs = [Signal.Features],
                Goal = null,
                Optimizer = new AdamSettings(
                    AutomaticSettings.SoftmaxLearningRate,
                    new AutomaticSettings(new DataShape(rows.RowCount, true)).SoftmaxWeightDecay
                ),
            },
            Augmentation = null,
        };
        _batchSize = Math.Min(settings.BatchSize, split.Learned.Length);
        _state = NetworkState.Create(_settings, scaling, rows.ClassCount);
        Learn([.. split.Learned], checkAlive);
    }

    /// <summary>Its share beside a network.</summary>
    /// <param name="network">The network's scores of the rows to compare by, classes × rows.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="stride">Of how many rows one is among them.</param>
    /// <param name="checkAlive">Called before every batch; throws to end the training.</param>
    /// <returns>The factors of the network's sums and of its own, neither negative.</returns>
    public (double Network, double Line) Compare(
        float[][] network,
        int[] labels,
        double[] weights,
        int stride,
        Action checkAlive
    )
    {
        var line = new List<float>[network.Length];
        for (int label = 0; label < line.Length; label++)
            line[label] = [];
        using var engine = new CpuTrainingEngine(_state, _settings, _batchSize);
        int row = 0;
        foreach (RowBatch batch in (_validation?.All ?? _rows.Select(_heldOut)).Batches(_batchSize))
        {
            checkAlive();
            engine.Evaluate(
                batch.Rows,
                batch.Indices.Span,
                [0],
                (_, sums) =>
                {
                    for (int i = 0; i < batch.Indices.Length; i++)
                        if ((row + i) % stride == 0)
                            for (int label = 0; label < line.Length; label++)
                                line[label].Add(sums[label][i]);
                }
            );
            row += batch.Indices.Length;
        }

        return Mixture.Fit(network, [.. line.Select(of => of.ToArray())], labels, weights);
    }

    /// <summary>Learns from the rows that were held out as well, once they have been compared by.</summary>
    public void LearnAll(Action checkAlive)
    {
        if (_knowsAll || _heldOut.Length == 0)
            return;
        Learn([.. Enumerable.Range(0, _rows.RowCount)], checkAlive);
        _knowsAll = true;
    }

    /// <summary>Makes an output layer one whose sums are a mean of its own and of this one's.</summary>
    /// <param name="output">The output layer, which reads the features and, after them, what they are encoded by.</param>
    /// <param name="share">The share of this one, from 0 to 1.</param>
    public void Mix(LayerState output, float share)
    {
        ProjectionState features = output.Sources[0].Projections.Single(of => of.Signal == Signal.Features);
        Parameter weights = _state.Output.Sources[0].Projections[0].Weights;
        for (int label = 0; label < _state.ClassCount; label++)
        {
            foreach (Parameter parameter in output.Parameters)
            foreach (ref float weight in parameter.Value[label])
                weight *= 1 - share;
            Span<float> mixed = features.Weights.Value[label];
            for (int feature = 0; feature < _rows.FeatureCount; feature++)
                mixed[feature] += share * weights.Value[label][feature];
            output.Biases.Value[label][0] += share * _state.Output.Biases.Value[label][0];
        }
    }

    public void Dispose() => _state.Dispose();

    private void Learn(int[] order, Action checkAlive)
    {
        using var engine = new CpuTrainingEngine(_state, _settings, _batchSize);
        var shuffling = new RandomStream(_settings.Seed, RandomStreams.LinearReadout);
        int stepsOfEpoch = (order.Length + _batchSize - 1) / _batchSize;
        int epochs = Math.Clamp((int)Math.Round((double)Steps / stepsOfEpoch), 1, MostEpochs);
        double steps = (double)epochs * stepsOfEpoch;
        int step = 0;
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            _rows.Shuffle(order, shuffling);
            engine.Announce(order);
            foreach ((LabeledRows batch, ReadOnlyMemory<int> indices) in _rows.Batches(order, _batchSize))
            {
                checkAlive();
                engine.RateFactor = 1 - step++ / steps;
                engine.Step(batch, indices.Span);
            }
        }

        engine.Synchronize();
        engine.DownloadWeights();
    }
}
