using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

/// <summary>
/// Networks with three hidden layers, and rows for them. Weights and features are multiples of 1/16, and cells of pooled
/// positions hold powers of two, so that what samples of outputs add up to is exact in single precision.
/// </summary>
internal sealed class DeepNetworks
{
    public const string LocalFields = "local fields";
    public const string SharedFields = "shared fields with pooling";
    public const string Skips = "layers that are skipped";
    public const string Feedback = "feedback from above";
    public const string Readout = "a readout of all layers";
    public const string TwoFaced = "a layer that hears features alone and is heard above and below";
    public const string Fixed = "a fixed layer, and sources that are missing";

    private const int Classes = 3;
    private static readonly ImageShape s_image = new(6, 6);
    private readonly Random _random;
    private readonly List<InfomorphicLayer> _layers = [];

    private DeepNetworks(int seed) => _random = new Random(seed);

    public static InfomorphicNetwork Create(string shape, int presentations = 2)
    {
        var of = new DeepNetworks(shape.Length);
        int[] read = [2];
        switch (shape)
        {
            case LocalFields:
                of.AddLocal(Signal.Features, new FieldGrid(s_image, 2, 2, 2, 2), 2);
                of.AddLocal(Signal.Layer(0), new FieldGrid(new ImageShape(3, 3, 2, true), 2, 2, 1, 1), 3);
                of.Add(5, of.All(Signal.Layer(1), 5, 12));
                break;
            case SharedFields:
                of.AddShared(Signal.Features, new FieldGrid(s_image, 3, 3, 1, 1), 3, new Pooling(2, 2));
                of.AddShared(Signal.Layer(0), new FieldGrid(new ImageShape(2, 2, 3, true), 2, 1, 1, 1), 4, null);
                of.Add(6, of.All(Signal.Layer(1), 6, 8));
                break;
            case Skips:
                of.Add(7, of.All(Signal.Features, 7, 36));
                of.AddShared(
                    Signal.Features,
                    new FieldGrid(s_image, 3, 2, 3, 4),
                    4,
                    new Pooling(1, 2),
                    of.All(Signal.Layer(0), 4, 7)
                );
                of.Add(5, of.All(Signal.Layer(1), 5, 8), of.All(Signal.Layer(0), 5, 7), of.All(Signal.Features, 5, 36));
                break;
            case Feedback:
                of.Add(6, Signal.Layer(2), 5, of.All(Signal.Features, 6, 36));
                of.AddShared(Signal.Features, new FieldGrid(s_image, 3, 3, 3, 3), 4, null, Signal.Layer(3), Classes);
                of.Add(5, Signal.Layer(3), Classes, of.All(Signal.Layer(1), 5, 16), of.All(Signal.Layer(0), 5, 6));
                break;
            case Readout:
                of.Add(6, of.All(Signal.Features, 6, 36));
                of.AddShared(Signal.Features, new FieldGrid(s_image, 3, 3, 1, 1), 2, new Pooling(2, 2));
                of.Add(5, of.All(Signal.Layer(0), 5, 6));
                read = [-1, 0, 1, 2];
                break;
            case TwoFaced:
                of.Add(6, Signal.Layer(1), 5, of.All(Signal.Features, 6, 36));
                of.AddBivariate(5, 'C', of.All(Signal.Features, 5, 36), of.All(Signal.Label, 5, Classes));
                of.Add(5, of.All(Signal.Layer(1), 5, 5), of.All(Signal.Layer(0), 5, 6));
                break;
            case Fixed:
                of.AddFixed(12);
                of.AddBivariate(6, 'C', of.All(Signal.Layer(0), 6, 12), of.All(Signal.Label, 6, Classes));
                of.AddBivariate(5, 'L', of.All(Signal.Layer(1), 5, 6), of.Lateral(5));
                break;
            default:
                throw new ArgumentException($"There is no {shape}.");
        }

        return of.Read(read, presentations);
    }

    public static LabeledRows Rows(int count, bool weighted)
    {
        var random = new Random(count);
        return new LabeledRows(
            new DenseFeatureMatrix(
                count,
                36,
                [.. Enumerable.Range(0, 36 * count).Select(_ => random.Next(-32, 33) / 16f)]
            ),
            [.. Enumerable.Range(0, count).Select(_ => random.Next(Classes))],
            weighted ? [.. Enumerable.Range(0, count).Select(_ => 1 + random.Next(4) / 2f)] : null,
            Classes
        );
    }

    private float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => _random.Next(-12, 13) / 16f)];

    private Projection All(Signal signal, int neurons, int inputs) =>
        Connect(signal, new AllConnected(neurons, inputs));

    private Projection Lateral(int neurons) => All(Signal.Layer(_layers.Count), neurons, neurons);

    // No neuron hears itself.
    private Projection Connect(Signal signal, Connectivity connectivity)
    {
        float[] weights = Draw(connectivity.NeuronCount * connectivity.ConnectionsPerNeuron);
        if (signal == Signal.Layer(_layers.Count))
            for (int i = 0; i < weights.Length; i++)
            {
                int neuron = i / connectivity.ConnectionsPerNeuron;
                if (connectivity.InputsOf(neuron)[i % connectivity.ConnectionsPerNeuron] == neuron)
                    weights[i] = 0;
            }
        return new Projection(signal, connectivity, weights);
    }

    private Source Draw(char symbol, params Projection[] projections) =>
        new(symbol, projections, Draw(projections[0].Connectivity.NeuronCount));

    private void Add(int neurons, params Projection[] heard) => Add(neurons, Signal.Label, Classes, heard);

    private void Add(int neurons, Signal context, int inputs, params Projection[] heard) =>
        AddLayer(heard, All(context, neurons, inputs), Lateral(neurons));

    private void AddLocal(Signal signal, FieldGrid grid, int neurons)
    {
        var fields = new LocalFields(grid, neurons);
        AddLayer(
            [Connect(signal, fields)],
            All(Signal.Label, fields.NeuronCount, Classes),
            Connect(Signal.Layer(_layers.Count), new WithinGroups(grid.Count, neurons))
        );
    }

    private void AddShared(Signal signal, FieldGrid grid, int neurons, Pooling? pooling, params Projection[] others) =>
        AddShared(signal, grid, neurons, pooling, Signal.Label, Classes, others);

    // Of three lateral neighbours two, where there are so many.
    private void AddShared(
        Signal signal,
        FieldGrid grid,
        int neurons,
        Pooling? pooling,
        Signal context,
        int inputs,
        params Projection[] others
    )
    {
        Connectivity lateral =
            neurons < 4
                ? new AllConnected(neurons, neurons)
                : new DrawnConnected(
                    neurons,
                    neurons,
                    [.. Enumerable.Range(0, 2 * neurons).Select(i => (i / 2 + 1 + i % 2) % neurons)]
                );
        AddLayer(
            [Connect(signal, new SharedFields(grid, neurons)), .. others],
            All(context, neurons, inputs),
            Connect(Signal.Layer(_layers.Count), lateral),
            pooling
        );
    }

    private void AddLayer(Projection[] heard, Projection context, Projection lateral, Pooling? pooling = null) =>
        _layers.Add(
            new InfomorphicLayer(
                [Draw('F', heard), Draw('C', context), Draw('L', lateral)],
                GoalFunctions.OptimizedTpe1,
                new ModulatedActivation(),
                new Binning(),
                pooling
            )
        );

    private void AddFixed(int neurons) =>
        _layers.Add(
            new InfomorphicLayer(
                [
                    Draw(
                        'F',
                        Connect(
                            Signal.Features,
                            new SubsetConnected(3, neurons / 3, 36, [.. Enumerable.Range(0, 15).Select(i => 2 * i)])
                        )
                    ),
                ],
                null,
                new StepActivation(),
                new Binning()
            )
        );

    private void AddBivariate(int neurons, char second, Projection heard, Projection other) =>
        _layers.Add(
            new InfomorphicLayer(
                [Draw('F', heard), Draw(second, other)],
                second == 'C' ? GoalFunctions.ContextHeuristic : GoalFunctions.LateralHeuristic,
                new BivariateActivation(),
                new Binning()
            )
        );

    private InfomorphicNetwork Read(int[] layers, int presentations)
    {
        Projection[] heard =
        [
            .. layers.Select(layer =>
                layer < 0
                    ? All(Signal.Features, Classes, 36)
                    : All(Signal.Layer(layer), Classes, _layers[layer].OutputCount)
            ),
        ];
        return new InfomorphicNetwork(
            _layers,
            new InfomorphicLayer(
                [Draw('F', heard), Source.OfOwnLabel('C', Classes)],
                GoalFunctions.Output,
                new FeedforwardActivation(),
                Binning.PaperOutputLayer
            ),
            new FeatureScaling(Standardization.None, new float[36], [.. Enumerable.Repeat(1f, 36)]),
            presentations: presentations
        );
    }
}
