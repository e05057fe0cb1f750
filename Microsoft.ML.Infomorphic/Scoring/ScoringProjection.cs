using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>The connections from a signal to the neurons of a layer, as scoring aggregates them.</summary>
internal sealed unsafe class ScoringProjection
{
    private readonly IScoringWeights _weights;
    private readonly int _inputs;
    private readonly int _heard;
    private readonly int _neurons;
    private readonly int _passes;

    /// <param name="layer">The layer that hears.</param>
    /// <param name="index">Its place.</param>
    /// <param name="projection">The projection.</param>
    /// <param name="biases">What is added to the sums, one number a neuron.</param>
    public ScoringProjection(InfomorphicLayer layer, int index, Projection projection, float[] biases)
    {
        Connectivity connectivity = projection.Connectivity;
        int connections = connectivity.ConnectionsPerNeuron;
        _inputs = connectivity.InputCount;
        _weights = connectivity switch
        {
            AllConnected => new InterleavedWeights(projection.Weights, biases, _inputs),
            DrawnConnected drawn => new DrawnWeights(projection.Weights, drawn.Connections, biases, _inputs),
            GroupConnected groups => new FieldWeights(
                projection.Weights,
                biases,
                AllPlaces(groups.GroupCount, groups.OfGroup),
                connections,
                groups.NeuronsPerGroup,
                _inputs
            ),
            SharedFields shared => new FieldWeights(
                projection.Weights,
                biases,
                AllPlaces(shared.PositionCount, shared.AtPosition),
                connections,
                shared.NeuronCount,
                _inputs
            ),
            _ => throw new NotSupportedException($"{connectivity.GetType().Name} is not scored."),
        };
        Signal = projection.Signal;
        IsOwn = projection.Signal == Signal.Layer(index);
        _neurons = layer.NeuronCount;
        SampleCount = _neurons * layer.PositionCount;

        // Fields are aggregated for all positions in one pass, the layer's own outputs in a pass each; anything else is the
        // same at all positions.
        _passes = IsOwn ? layer.PositionCount : 1;
        _heard = _inputs * _passes;
        CopyCount = IsOwn || connectivity is SharedFields ? 0 : layer.PositionCount - 1;
    }

    /// <summary>What is heard.</summary>
    public Signal Signal { get; }

    /// <summary>Number of samples of a row: neurons × positions.</summary>
    public int SampleCount { get; }

    /// <summary>Whether it is the layer's own outputs, of the same position and before they are pooled.</summary>
    public bool IsOwn { get; }

    /// <summary>The weights where all inputs are connected, so that zeros may be left out; else null.</summary>
    public InterleavedWeights? All => _weights as InterleavedWeights;

    // Positions beside the first whose sums are those of the first.
    private int CopyCount { get; }

    /// <summary>The sums of a row alone or of tiles.</summary>
    /// <param name="heard">What is heard, aligned to 64 bytes where it is tiles.</param>
    /// <param name="sums">Receives one number a sample; aligned to 64 bytes where it is tiles.</param>
    /// <param name="tiles">Number of tiles; 1 for a row alone.</param>
    /// <param name="lanes">Rows side by side: 1 or 32.</param>
    public void Aggregate(float* heard, float* sums, int tiles, int lanes)
    {
        int width = CopyCount > 0 || _passes > 1 ? _neurons : SampleCount;
        for (int pass = 0; pass < _passes; pass++)
        {
            float* from = heard + (nint)pass * _inputs * lanes;
            float* to = sums + (nint)pass * _neurons * lanes;
            if (lanes == 1)
                _weights.Aggregate(new ReadOnlySpan<float>(from, _inputs), new Span<float>(to, width));
            else
                _weights.Aggregate(from, (nint)_heard * lanes, to, (nint)SampleCount * lanes, tiles);
        }

        Copy(sums, tiles, lanes);
    }

    /// <summary>The sums of a row alone, from the inputs that are not zero.</summary>
    /// <param name="indices">Which inputs these are, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="sums">Receives one number a sample.</param>
    public void Aggregate(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, float* sums)
    {
        All!.Aggregate(indices, values, new Span<float>(sums, _neurons));
        Copy(sums, tiles: 1, lanes: 1);
    }

    /// <summary>The sums of a tile that holds some of the inputs: the others are zero in all of its rows.</summary>
    /// <param name="heard">Tiles of what they hold.</param>
    /// <param name="places">Which inputs each tile holds.</param>
    /// <param name="counts">How many.</param>
    /// <param name="sums">Receives one number a sample.</param>
    /// <param name="tiles">Number of tiles.</param>
    public void Aggregate(float* heard, int* places, int* counts, float* sums, int tiles)
    {
        nint stride = (nint)SampleCount * RowTile.Rows;
        All!.Aggregate(heard, (nint)_inputs * RowTile.Rows, sums, stride, tiles, places, _inputs, counts);
        Copy(sums, tiles, RowTile.Rows);
    }

    private void Copy(float* sums, int tiles, int lanes)
    {
        if (CopyCount == 0)
            return;
        int length = _neurons * lanes;
        for (int tile = 0; tile < tiles; tile++)
        {
            var first = new Span<float>(sums + (nint)tile * SampleCount * lanes, SampleCount * lanes);
            for (int position = 1; position <= CopyCount; position++)
                first[..length].CopyTo(first[(position * length)..]);
        }
    }

    private delegate ReadOnlySpan<int> PlacesOf(int field);

    private static int[] AllPlaces(int fields, PlacesOf places)
    {
        var all = new List<int>();
        for (int field = 0; field < fields; field++)
            all.AddRange(places(field));
        return [.. all];
    }
}
