// A network whose scoring is taken apart: what its neurons aggregate and put out, visit by visit, for rows that lie lane by lane.
// Neurons pass on their mean outputs, and the label is withheld.
//
//   symbol      variable         shape                unit
//   W x + b     FeatureSums      samples × lanes      –            what a source aggregates of the features, and its biases
//   F, C, L     Sums             samples × lanes      –            aggregated inputs
//   y           Fired            samples × lanes      −1 … 1       mean outputs, 2θ − 1; 0 or 1 of neurons with a step
//               Passed           outputs × lanes      −1 … 1       the same, pooled
//
// By the timing rule a layer hears of another one, or of itself, what that one passed on when it was visited last: below it
// that was in the same presentation, else in the one before.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>A network that is presented lane by lane. Safe for any number of threads, each with a <see cref="LaneState"/>.</summary>
internal sealed class LaneNetwork
{
    /// <summary>Prepares a network.</summary>
    /// <param name="network">The network.</param>
    public LaneNetwork(InfomorphicNetwork network)
    {
        Network = network;
        Schedule = Schedule.Of(network, withLabel: false, [network.Layers.Count - 1]);
        var visits = new List<LaneVisit>();
        var features = new List<FeatureSource>();
        foreach (Visit visit in Schedule.Visits)
            visits.Add(Prepare(visit, visits, features));
        Visits = visits;
        Features = features;
    }

    /// <summary>The network.</summary>
    public InfomorphicNetwork Network { get; }

    /// <summary>The order of visits.</summary>
    public Schedule Schedule { get; }

    /// <summary>The visits, in their order; the last one is that of the output layer.</summary>
    public IReadOnlyList<LaneVisit> Visits { get; }

    /// <summary>The sources that hear the features.</summary>
    public IReadOnlyList<FeatureSource> Features { get; }

    /// <summary>The last visit of a layer; null where nobody hears it.</summary>
    public int? LastVisitOf(int layer)
    {
        for (int visit = Visits.Count - 1; visit >= 0; visit--)
            if (Visits[visit].Layer == layer)
                return visit;
        return null;
    }

    /// <summary>Presents rows whose <see cref="LaneState.FeatureSums"/> are there.</summary>
    /// <param name="state">The rows; receives all else.</param>
    public void Present(LaneState state)
    {
        for (int i = 0; i < Visits.Count; i++)
        {
            LaneVisit visit = Visits[i];
            for (int source = 0; source < visit.Sources.Count; source++)
                Aggregate(state, i, source);
            if (i == Visits.Count - 1)
                return; // scores are what the output neurons aggregate
            LaneActivation.Fire(visit.Activation, state.SumsOf(i), state.Fired[i]);
            visit.Pool(state.Fired[i], state.Passed[i], state.Lanes);
        }
    }

    private void Aggregate(LaneState state, int visit, int source)
    {
        LaneSource from = Visits[visit].Sources[source];
        if (from.Turn == SourceTurn.Kept)
            return; // the sums are those of an earlier visit
        float[] sums = state.Sums[visit][source];
        if (from.Feature >= 0 && from.Turn == SourceTurn.Aggregated)
            state.FeatureSums[from.Feature].CopyTo(sums, 0);
        else
            Fill(from.Source.Biases, sums, state.Lanes);
        foreach (LaneInput input in from.Inputs)
            input.Weights.MultiplyAdd(
                input.IsOwn ? state.Fired[input.Visit] : state.Passed[input.Visit],
                sums,
                state.Lanes
            );
    }

    /// <summary>Fills the sums of all positions with biases.</summary>
    public static void Fill(float[] biases, Span<float> sums, int lanes)
    {
        for (int sample = 0; sample < sums.Length / lanes; sample++)
            sums.Slice(sample * lanes, lanes).Fill(biases[sample % biases.Length]);
    }

    private LaneVisit Prepare(Visit visit, List<LaneVisit> before, List<FeatureSource> features)
    {
        InfomorphicLayer layer = Network.Layers[visit.Layer];
        int earlier = before.FindLastIndex(other => other.Layer == visit.Layer);

        // Sources that do not move the neurons: the output layer's context.
        int count = layer.Activation is FeedforwardActivation ? 1 : layer.Sources.Count;
        var sources = new List<LaneSource>();
        for (int i = 0; i < count; i++)
        {
            Source source = layer.Sources[i];
            if (visit.Turns[i] == SourceTurn.Kept)
            {
                sources.Add(before[earlier].Sources[i] with { Turn = SourceTurn.Kept });
                continue;
            }

            int feature = features.FindIndex(of => of.Layer == visit.Layer && of.Source == i);
            if (feature < 0 && source.Hears(Signal.Features))
            {
                feature = features.Count;
                features.Add(new FeatureSource(Network, visit.Layer, i));
            }

            var inputs = new List<LaneInput>();
            foreach (Projection projection in source.Projections)
            {
                if (projection.Signal.Kind != SignalKind.Layer || !visit.Hears(projection.Signal))
                    continue;
                bool isOwn = projection.Signal.Index == visit.Layer;
                int heard = before.FindLastIndex(other => other.Layer == projection.Signal.Index);

                // Of several visits of one layer the weights are the same.
                LaneWeights weights =
                    before
                        .Where(other => other.Layer == visit.Layer)
                        .SelectMany(other => other.Sources[i].Inputs)
                        .FirstOrDefault(input => input.Projection == projection)
                        ?.Weights
                    ?? WeightsOf(layer, projection, isOwn);
                inputs.Add(new LaneInput(projection, heard, isOwn && layer.Positions is not null, weights));
            }

            sources.Add(new LaneSource(source, visit.Turns[i], feature, inputs));
        }

        return new LaneVisit(visit.Layer, layer, earlier, sources);
    }

    /// <summary>The weights of all samples of a layer: sample p·N + n is neuron n at position p.</summary>
    public static LaneWeights WeightsOf(InfomorphicLayer layer, Projection projection, bool isOwn)
    {
        int neurons = layer.NeuronCount;
        int inputs = projection.Connectivity.InputCount;
        bool byPosition = isOwn && layer.Positions is not null;
        return LaneWeights.Create(
            layer.PositionCount * neurons,
            byPosition ? layer.PositionCount * inputs : inputs,
            sample =>
            {
                (int position, int neuron) = Math.DivRem(sample, neurons);
                int[] heard = projection.Connectivity.InputsOf(neuron, position);
                if (byPosition)
                    heard = Array.ConvertAll(heard, input => position * inputs + input);
                return (heard, projection.WeightsOf(neuron).ToArray());
            }
        );
    }
}

/// <summary>A source that hears the features: what it aggregates of them is the same in all presentations.</summary>
internal sealed class FeatureSource
{
    private readonly float[] _biases;

    public FeatureSource(InfomorphicNetwork network, int layer, int source)
    {
        InfomorphicLayer of = network.Layers[layer];
        Layer = layer;
        Source = source;
        _biases = of.Sources[source].Biases;
        Projection[] projections =
        [
            .. of.Sources[source].Projections.Where(projection => projection.Signal == Signal.Features),
        ];
        Weights = [.. projections.Select(projection => LaneNetwork.WeightsOf(of, projection, isOwn: false))];
        Transposed = [.. Weights.Select(weights => weights.Transpose())];
        SampleCount = of.PositionCount * of.NeuronCount;
    }

    /// <summary>The layer's place.</summary>
    public int Layer { get; }

    /// <summary>The source's place in the layer.</summary>
    public int Source { get; }

    /// <summary>Number of sums of a row.</summary>
    public int SampleCount { get; }

    /// <summary>The weights of each projection: samples × numbers that the network reads.</summary>
    public IReadOnlyList<LaneWeights> Weights { get; }

    /// <summary>The same, transposed.</summary>
    public IReadOnlyList<LaneWeights> Transposed { get; }

    /// <summary>Aggregates the features of rows, and the biases.</summary>
    /// <param name="encoded">What the network reads, numbers × lanes.</param>
    /// <param name="sums">Receives samples × lanes.</param>
    /// <param name="lanes">Number of lanes.</param>
    public void Aggregate(ReadOnlySpan<float> encoded, float[] sums, int lanes)
    {
        LaneNetwork.Fill(_biases, sums.AsSpan(0, SampleCount * lanes), lanes);
        foreach (LaneWeights weights in Weights)
            weights.MultiplyAdd(encoded, sums, lanes);
    }

    /// <summary>The same for one row, in double precision.</summary>
    /// <param name="encoded">What the network reads.</param>
    /// <returns>One number a sample.</returns>
    public float[] Aggregate(float[] encoded)
    {
        float[] sums = new float[SampleCount];
        for (int sample = 0; sample < sums.Length; sample++)
        {
            double sum = _biases[sample % _biases.Length];
            foreach (LaneWeights weights in Weights)
                sum += weights.Dot(sample, encoded);
            sums[sample] = (float)sum;
        }

        return sums;
    }
}

/// <summary>What a source hears of a layer.</summary>
/// <param name="Projection">The connections.</param>
/// <param name="Visit">The visit in which the layer passed it on.</param>
/// <param name="IsOwn">Whether it is the layer's own outputs, position by position, before they are pooled.</param>
/// <param name="Weights">The weights.</param>
internal sealed record LaneInput(Projection Projection, int Visit, bool IsOwn, LaneWeights Weights)
{
    private LaneWeights? _transposed;

    /// <summary>The weights, transposed.</summary>
    public LaneWeights Transposed => _transposed ??= Weights.Transpose();
}

/// <summary>A source in a visit.</summary>
/// <param name="Source">The source.</param>
/// <param name="Turn">What becomes of its sums.</param>
/// <param name="Feature">Its place among the sources that hear the features; −1 where it does not.</param>
/// <param name="Inputs">What it hears of layers.</param>
internal sealed record LaneSource(Source Source, SourceTurn Turn, int Feature, IReadOnlyList<LaneInput> Inputs)
{
    /// <summary>Whether its sums are the same for all rows.</summary>
    public bool IsConstant => Turn == SourceTurn.Silent || Feature < 0 && Inputs.Count == 0;
}

/// <summary>A visit of a layer.</summary>
internal sealed class LaneVisit(int layer, InfomorphicLayer of, int earlier, IReadOnlyList<LaneSource> sources)
{
    private readonly int[]? _cells = of.Pooling?.CellsOf(of.Positions!);

    /// <summary>The layer's place.</summary>
    public int Layer => layer;

    /// <summary>The activation.</summary>
    public Activation Activation => of.Activation;

    /// <summary>The visit of the same layer before this one; −1 where there was none.</summary>
    public int Earlier => earlier;

    /// <summary>The sources that move the neurons.</summary>
    public IReadOnlyList<LaneSource> Sources => sources;

    /// <summary>Number of neurons.</summary>
    public int NeuronCount => of.NeuronCount;

    /// <summary>Number of sums of a row.</summary>
    public int SampleCount => of.PositionCount * of.NeuronCount;

    /// <summary>Number of outputs of a row.</summary>
    public int OutputCount => of.OutputCount;

    /// <summary>Whether outputs are pooled before they are passed on.</summary>
    public bool IsPooled => _cells is not null;

    /// <summary>Means over the positions of each cell; nothing where there are none.</summary>
    public void Pool(float[] fired, float[] passed, int lanes)
    {
        if (_cells is null)
            return;
        passed.AsSpan().Clear();
        ForEach(lanes, (sample, output, share) => AddTo(passed, output, fired, sample, share, lanes));
    }

    /// <summary>The way back: what means over positions give to each of them is added up.</summary>
    public void Spread(float[] passed, float[] fired, int lanes) =>
        ForEach(lanes, (sample, output, share) => AddTo(fired, sample, passed, output, share, lanes));

    private void ForEach(int lanes, Action<int, int, float> add)
    {
        int neurons = of.NeuronCount;
        int[] sizes = new int[of.CellCount];
        foreach (int cell in _cells!)
            sizes[cell]++;
        for (int position = 0; position < _cells.Length; position++)
        for (int neuron = 0; neuron < neurons; neuron++)
            add(position * neurons + neuron, _cells[position] * neurons + neuron, 1f / sizes[_cells[position]]);
    }

    private static void AddTo(float[] to, int at, float[] from, int place, float share, int lanes)
    {
        Span<float> sum = to.AsSpan(at * lanes, lanes);
        System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(from.AsSpan(place * lanes, lanes), share, sum, sum);
    }
}

/// <summary>One thread's numbers of rows that are presented.</summary>
internal sealed class LaneState
{
    /// <param name="network">The network.</param>
    /// <param name="lanes">Number of lanes, 1 or a multiple of <see cref="LaneWeights.Lanes"/>.</param>
    public LaneState(LaneNetwork network, int lanes)
    {
        Lanes = lanes;
        FeatureSums = [.. network.Features.Select(source => new float[source.SampleCount * lanes])];
        int visits = network.Visits.Count;
        Sums = new float[visits][][];
        Fired = new float[visits][];
        Passed = new float[visits][];
        for (int i = 0; i < visits; i++)
        {
            LaneVisit visit = network.Visits[i];
            Sums[i] =
            [
                .. visit.Sources.Select(
                    (source, place) =>
                        source.Turn == SourceTurn.Kept
                            ? Sums[visit.Earlier][place]
                            : new float[visit.SampleCount * lanes]
                ),
            ];
            Fired[i] = new float[visit.SampleCount * lanes];
            Passed[i] = visit.IsPooled ? new float[visit.OutputCount * lanes] : Fired[i];
        }
    }

    /// <summary>Number of lanes.</summary>
    public int Lanes { get; }

    /// <summary>What each source that hears the features aggregates of them, and its biases.</summary>
    public float[][] FeatureSums { get; }

    /// <summary>The sums of each visit, source by source.</summary>
    public float[][][] Sums { get; }

    /// <summary>The mean outputs of each visit.</summary>
    public float[][] Fired { get; }

    /// <summary>What is passed on in each visit.</summary>
    public float[][] Passed { get; }

    /// <summary>What the output neurons aggregate: classes × lanes.</summary>
    public float[] Scores => Sums[^1][0];

    /// <summary>The sums of a visit.</summary>
    public float[][] SumsOf(int visit) => Sums[visit];
}
