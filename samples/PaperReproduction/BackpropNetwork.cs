// A network of the same hidden layers, trained from end to end: what its neurons could do if they were told by the gradient
// of the classes' likelihood what to aim for.
//
//   symbol   variable    shape                                       unit
//   x        features    rows × features                             –      standardised
//   F        in Present  rows × neurons                              –
//   y        outputs     rows × neurons                              –      tanh F: a mean output between −1 and 1
//
// No lateral input, no context: one presentation. Softmax cross-entropy over the features and the layers that are read; Adam
// with a learning rate of 0.001, which falls along half a cosine as that of infomorphic networks does; the epoch with the least cross-entropy on the withheld rows is kept.

using System.Diagnostics;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace PaperReproduction;

/// <summary>The backprop control of an <see cref="ImageNetwork"/>.</summary>
internal sealed class BackpropNetwork : IDisposable
{
    private const int BatchSize = 512;
    private const int RowsToScore = 1000;
    private const double LearningRate = 0.001;

    private readonly List<Layer> _layers = [];
    private readonly int[] _readout;
    private readonly Parameter _outputWeights;
    private readonly Parameter _outputBiases;

    private BackpropNetwork(ImageNetwork network, ImageShape image, ulong seed)
    {
        var random = new RandomStream(seed, RandomStreams.Initialization);
        _readout = network.Readout;
        int features = (int)image.Size;
        int below = features;
        foreach (HiddenLayerOptions layer in network.Layers(image))
        {
            _layers.Add(
                layer.Connections is LocalFieldSettings fields
                    ? Layer.OfFields(
                        new FieldGrid(
                            image,
                            fields.Height,
                            fields.Width,
                            fields.VerticalStride,
                            fields.HorizontalStride
                        ),
                        layer.NumberOfNeurons,
                        random
                    )
                    : Layer.Full(below, layer.NumberOfNeurons, random)
            );
            below = _layers[^1].Outputs;
        }

        int read = features + _readout.Sum(layer => _layers[layer].Outputs);
        _outputWeights = Draw(random, read, read, ImageData.Classes);
        _outputBiases = Draw(random, read, ImageData.Classes);
    }

    private IEnumerable<Parameter> Parameters =>
        [.. _layers.SelectMany(layer => new[] { layer.Weights, layer.Biases }), _outputWeights, _outputBiases];

    /// <summary>Trains and judges a cell.</summary>
    public static NetworkOutcome Run(
        NetworkCell cell,
        ImageShape image,
        ImageRow[] train,
        ImageRow[] validation,
        ImageRow[] test,
        int threads,
        CancellationToken cancellation
    )
    {
        TorchRuntime.EnsureLoaded();
        NativeHeap.ReturnLargeBlocks();
        int threadsBefore = get_num_threads();
        set_num_threads(threads);
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using var network = new BackpropNetwork(ImageNetwork.Find(cell.Network), image, (ulong)cell.Seed);
            return network.Train(cell, image, train, validation, test, cancellation);
        }
        finally
        {
            set_num_threads(threadsBefore);
        }
    }

    public void Dispose()
    {
        foreach (Parameter parameter in Parameters)
            parameter.Dispose();
        foreach (Layer layer in _layers)
            layer.Inputs?.Dispose();
    }

    private NetworkOutcome Train(
        NetworkCell cell,
        ImageShape image,
        ImageRow[] train,
        ImageRow[] validation,
        ImageRow[] test,
        CancellationToken cancellation
    )
    {
        (float mean, float deviation) = Moments(train);
        Augmenter? augmenter = cell.Augmentation is null
            ? null
            : new Augmenter(cell.Augmentation, image, (int)image.Size, (ulong)cell.Seed);
        using optim.Optimizer adam = optim.Adam(Parameters, LearningRate);
        var order = new Random(cell.Seed);
        int[] rows = [.. Enumerable.Range(0, train.Length)];
        ImageRow[] evaluated = [.. train.Take(TrainingSettings.MaximumRowsForTrainingAccuracy)];
        var epochs = new List<NetworkEpoch>();
        Tensor[] best = [];
        double leastLoss = double.PositiveInfinity;
        int bestEpoch = 0;
        long steps = 0;
        var steppingTime = new Stopwatch();
        var clock = Stopwatch.StartNew();
        for (int epoch = 1; epoch <= cell.Epochs; epoch++)
        {
            steppingTime.Start();
            foreach (var group in adam.ParamGroups)
                group.LearningRate = LearningRate * (1 + Math.Cos(Math.PI * (epoch - 1) / cell.Epochs)) / 2;
            order.Shuffle(rows);
            foreach (int[] batch in rows.Chunk(BatchSize))
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                Tensor features = Features(
                    [.. batch.Select(row => Changed(train[row].Features, row, epoch))],
                    mean,
                    deviation
                );
                adam.zero_grad();
                Loss(features, [.. batch.Select(row => train[row])]).backward();
                adam.step();
                steps++;
            }

            steppingTime.Stop();
            (double accuracy, double loss) = Judge(validation, mean, deviation);
            epochs.Add(new NetworkEpoch(epoch, Judge(evaluated, mean, deviation).Accuracy, accuracy, []));
            if (loss >= leastLoss)
                continue;
            leastLoss = loss;
            bestEpoch = epoch;
            foreach (Tensor tensor in best)
                tensor.Dispose();
            best = [.. Parameters.Select(parameter => parameter.detach().clone())];
        }

        using (no_grad())
            foreach ((Parameter parameter, Tensor weights) in Parameters.Zip(best))
                parameter.copy_(weights);
        foreach (Tensor tensor in best)
            tensor.Dispose();
        return new NetworkOutcome(
            Judge(test, mean, deviation).Accuracy,
            Judge(validation, mean, deviation).Accuracy,
            epochs[bestEpoch - 1].Training,
            [],
            bestEpoch,
            epochs,
            clock.Elapsed.TotalSeconds,
            steppingTime.Elapsed.TotalSeconds,
            steps
        );

        float[] Changed(float[] features, int row, int epoch)
        {
            if (augmenter is null)
                return features;
            float[] changed = new float[features.Length];
            augmenter.Apply(augmenter.Draw(row, epoch), features, changed);
            return changed;
        }
    }

    private (double Accuracy, double Loss) Judge(ImageRow[] rows, float mean, float deviation)
    {
        double right = 0;
        double loss = 0;
        using var noGradient = no_grad();
        foreach (ImageRow[] some in rows.Chunk(RowsToScore))
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor logits = Present(Features([.. some.Select(row => row.Features)], mean, deviation));
            Tensor labels = Labels(some);
            right += logits.argmax(1).eq(labels).sum().ToInt64();
            loss += nn.functional.cross_entropy(logits, labels).ToSingle() * some.Length;
        }

        return (right / rows.Length, loss / rows.Length);
    }

    private Tensor Loss(Tensor features, ImageRow[] rows) =>
        nn.functional.cross_entropy(Present(features), Labels(rows));

    private Tensor Present(Tensor features)
    {
        Tensor below = features;
        var outputs = new List<Tensor>();
        foreach (Layer layer in _layers)
        {
            below = layer.Present(below);
            outputs.Add(below);
        }

        Tensor read = cat([features, .. _readout.Select(layer => outputs[layer])], 1);
        return read.matmul(_outputWeights).add(_outputBiases);
    }

    private static Tensor Features(float[][] rows, float mean, float deviation)
    {
        int width = rows[0].Length;
        float[] values = new float[(long)rows.Length * width];
        for (int i = 0; i < rows.Length; i++)
            rows[i].CopyTo(values, i * width);
        return from_array(values).reshape(rows.Length, width).sub(mean).div(deviation);
    }

    private static Tensor Labels(ImageRow[] rows) => from_array(rows.Select(row => (long)row.Label).ToArray());

    // One mean and one standard deviation for all pixels, as infomorphic networks have them.
    private static (float Mean, float Deviation) Moments(ImageRow[] rows)
    {
        double count = (double)rows.Length * rows[0].Features.Length;
        double mean = rows.Sum(row => row.Features.Sum(value => (double)value)) / count;
        double variance = rows.Sum(row => row.Features.Sum(value => (value - mean) * (value - mean))) / count;
        return ((float)mean, (float)Math.Sqrt(variance));
    }

    // Uniform within ±1/√inputs, as the weights of infomorphic networks are drawn.
    private static Parameter Draw(RandomStream random, int inputs, params long[] shape)
    {
        double bound = 1 / Math.Sqrt(inputs);
        float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)((2 * random.NextUniform() - 1) * bound);
        return new Parameter(from_array(values).reshape(shape));
    }

    /// <summary>A hidden layer: fields × inputs × neurons; one field where neurons see all.</summary>
    private sealed record Layer(Parameter Weights, Parameter Biases, Tensor? Inputs, int Fields, int Outputs)
    {
        public static Layer Full(int inputs, int neurons, RandomStream random) =>
            new(Draw(random, inputs, inputs, neurons), Draw(random, inputs, neurons), null, 1, neurons);

        public static Layer OfFields(FieldGrid grid, int neurons, RandomStream random) =>
            new(
                Draw(random, grid.FieldSize, grid.Count, grid.FieldSize, neurons),
                Draw(random, grid.FieldSize, grid.Count, 1, neurons),
                from_array(Enumerable.Range(0, grid.Count).SelectMany(grid.InputsOf).Select(i => (long)i).ToArray())
                    .DetachFromDisposeScope(),
                grid.Count,
                grid.Count * neurons
            );

        public Tensor Present(Tensor below)
        {
            if (Inputs is null)
                return below.matmul(Weights).add(Biases).tanh();
            long rows = below.shape[0];
            Tensor seen = below.index_select(1, Inputs).reshape(rows, Fields, -1).transpose(0, 1);
            return seen.bmm(Weights).add(Biases).tanh().transpose(0, 1).reshape(rows, Outputs);
        }
    }
}
