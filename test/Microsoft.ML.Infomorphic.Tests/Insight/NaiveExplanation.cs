using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

/// <summary>
/// What neurons know and respond to, slow and obvious: presentation after presentation, layer after layer, one sum at a time,
/// without a schedule; and decomposed by the specification in the Information room.
/// </summary>
/// <remarks>Sums are in single precision and in the explainer's order, so that bins and θ are the same bit for bit.</remarks>
internal sealed class NaiveExplanation
{
    private readonly InfomorphicNetwork _network;
    private readonly LabeledRows _rows;
    private readonly ulong _seed;
    private readonly bool _means;
    private readonly int[] _passMeans;
    private readonly NaiveNeuron[][] _neurons;

    /// <param name="network">The network.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="batches">Which of them form a batch.</param>
    /// <param name="seed">What samples follow from.</param>
    /// <param name="means">Whether mean outputs are passed on with the label, too.</param>
    /// <param name="passMeans">The layers whose outputs in scoring those above hear in training.</param>
    public NaiveExplanation(
        InfomorphicNetwork network,
        LabeledRows rows,
        int[][] batches,
        ulong seed,
        bool means = false,
        params int[] passMeans
    )
    {
        _network = network;
        _rows = rows;
        _seed = seed;
        _means = means;
        _passMeans = passMeans;
        _neurons =
        [
            .. network.Layers.Select(layer =>
                Enumerable
                    .Range(0, layer.NeuronCount)
                    .Select(_ => new NaiveNeuron(layer.Binning, string.Concat(layer.Sources.Select(of => of.Symbol))))
                    .ToArray()
            ),
        ];
        for (int batch = 0; batch < batches.Length; batch++)
        {
            Pass scored = Present(batches[batch], batch, withLabel: false, scored: null);
            Pass seen = Present(batches[batch], batch, withLabel: true, scored);
            float[] mass = [.. batches[batch].Select(row => rows.Weights?[row] ?? 1)];
            for (int layer = 0; layer < _neurons.Length; layer++)
            for (int neuron = 0; neuron < _neurons[layer].Length; neuron++)
            {
                _neurons[layer]
                    [neuron]
                    .Respond(rows, batches[batch], scored.Theta[layer][neuron], scored.Complement[layer][neuron]);
                _neurons[layer]
                    [neuron]
                    .Decompose(
                        seen.Sums[layer][neuron],
                        seen.Theta[layer][neuron],
                        seen.Complement[layer][neuron],
                        mass
                    );
            }
        }
    }

    /// <summary>Asserts that an explanation says the same of every neuron of every layer.</summary>
    public void AssertSame(NetworkInsight insight)
    {
        LayerInsight[] layers = [.. insight.Layers];
        Assert.HasCount(_neurons.Length, layers);
        for (int layer = 0; layer < layers.Length; layer++)
        {
            Assert.AreEqual(_passMeans.Contains(layer), layers[layer].PassesOnMeans);
            Assert.HasCount(_neurons[layer].Length, layers[layer].Neurons);
            foreach (NeuronInsight neuron in layers[layer].Neurons)
                _neurons[layer]
                    [neuron.Neuron]
                    .AssertSame(
                        neuron,
                        _network.Layers[layer].Goal,
                        Math.Min(insight.Settings.TypicalRows, insight.RowCount),
                        $"neuron {neuron.Neuron} of layer {layers[layer].Name}"
                    );
        }
    }

    // All presentations of a batch; what the last one came to.
    private Pass Present(int[] chosen, int batch, bool withLabel, Pass? scored)
    {
        Pass? before = null;
        for (int presentation = 0; presentation < _network.Presentations; presentation++)
        {
            var now = new Pass(_network);
            for (int layer = 0; layer < _network.Layers.Count; layer++)
                Present(layer, chosen, batch, presentation, withLabel, now, before, scored);
            before = now;
        }

        return before!;
    }

    private void Present(
        int index,
        int[] chosen,
        int batch,
        int presentation,
        bool withLabel,
        Pass now,
        Pass? before,
        Pass? scored
    )
    {
        InfomorphicLayer layer = _network.Layers[index];
        int rows = chosen.Length;
        int positions = layer.Positions?.Count ?? 1;
        for (int neuron = 0; neuron < layer.NeuronCount; neuron++)
        {
            float[][] sums = [.. layer.Sources.Select(_ => new float[rows * positions])];
            for (int source = 0; source < sums.Length; source++)
            for (int position = 0; position < positions; position++)
            for (int row = 0; row < rows; row++)
                sums[source][position * rows + row] = Sum(layer.Sources[source], neuron, position, row);
            float[] theta = new float[rows * positions];
            float[] complement = new float[rows * positions];
            if (layer.Activation is StepActivation)
                for (int i = 0; i < theta.Length; i++)
                    (theta[i], complement[i]) = sums[0][i] > 0 ? (1, 0) : (0, 1);
            else
                VectorizedActivation.Fire(
                    layer.Activation,
                    sums[0],
                    sums.ElementAtOrDefault(1),
                    sums.ElementAtOrDefault(2),
                    theta,
                    complement
                );
            float[] fired = new float[theta.Length];
            if (layer.Activation is StepActivation)
                fired = theta;
            else if (!withLabel || _means)
                fired = [.. theta.Zip(complement, (fires, doesNot) => fires - doesNot)];
            else
                Philox.Sample(
                    theta,
                    fired,
                    (uint)(_network.Layers.Take(index).Sum(below => below.NeuronCount) + neuron),
                    Counter(),
                    _seed
                );
            now.Sums[index].Add(sums);
            now.Theta[index].Add(theta);
            now.Complement[index].Add(complement);
            now.Fired[index].Add(fired);
        }

        for (int cell = 0; cell < (layer.Pooling?.Count ?? positions); cell++)
        for (int neuron = 0; neuron < layer.NeuronCount; neuron++)
            now.Outputs[index].Add([.. Enumerable.Range(0, rows).Select(row => Mean(cell, neuron, row))]);

        // What is drawn in a layer that is the same in all presentations has the number of the last one.
        ulong Counter()
        {
            int counters = Math.Max(_network.Presentations, 2);
            int number = Changes(index) ? presentation : counters - 1;
            return (ulong)(counters * batch + number);
        }

        float Sum(Source source, int neuron, int position, int row)
        {
            float sum = source.IsOwnLabel ? 0 : source.Biases[neuron];
            foreach (bool byPosition in new[] { false, true })
            foreach (Projection projection in source.Projections)
            {
                Signal signal = projection.Signal;
                int label = _rows.Labels[chosen[row]];
                if ((projection.Connectivity is SharedFields || signal == Signal.Layer(index)) != byPosition)
                    continue;
                if (signal.Kind == SignalKind.OwnLabel)
                    sum += withLabel && label == neuron ? 1 : 0;
                else if (signal.Kind == SignalKind.Label)
                    sum += withLabel ? projection.WeightsOf(neuron)[label] : 0;
                else if (!signal.IsLateFor(index) || before is not null)
                    for (int i = 0; i < projection.Connectivity.ConnectionsPerNeuron; i++)
                        sum +=
                            projection.WeightsOf(neuron)[i]
                            * Heard(signal, InputOf(projection.Connectivity, neuron, position, i), position, row);
            }

            return sum;
        }

        // The layer itself is heard at the same position alone; what is below now, what is not as it was before.
        float Heard(Signal signal, int input, int position, int row)
        {
            if (signal.Kind == SignalKind.Features)
                return Row(_rows, chosen[row])[input];
            if (signal.Index == index)
                return before!.Fired[index][input][position * rows + row];
            Pass from =
                signal.Index > index ? before!
                : scored is not null && _passMeans.Contains(signal.Index) ? scored
                : now;
            return from.Outputs[signal.Index][input][row];
        }

        // A neuron's mean over the positions of a cell.
        float Mean(int cell, int neuron, int row)
        {
            float sum = 0;
            int count = 0;
            for (int position = 0; position < positions; position++)
            {
                int of = position;
                if (layer.Pooling is Pooling pooling)
                    of =
                        position / layer.Positions!.Columns * pooling.Rows / layer.Positions.Rows * pooling.Columns
                        + position % layer.Positions.Columns * pooling.Columns / layer.Positions.Columns;
                if (of != cell)
                    continue;
                sum += now.Fired[index][neuron][position * rows + row];
                count++;
            }

            return sum / count;
        }
    }

    // Whether a layer is presented with something new after the first presentation, or samples for those below what it does
    // not pass on to those above.
    private bool Changes(int layer) =>
        SignalsOf(layer)
            .Any(signal => signal.Index >= layer || Changes(signal.Index) && !_passMeans.Contains(signal.Index))
        || _passMeans.Contains(layer)
            && Enumerable.Range(0, layer + 1).Any(below => SignalsOf(below).Contains(Signal.Layer(layer)));

    private IEnumerable<Signal> SignalsOf(int layer) =>
        _network
            .Layers[layer]
            .Sources.SelectMany(source => source.Projections)
            .Select(projection => projection.Signal)
            .Where(signal => signal.Kind == SignalKind.Layer);

    private static int InputOf(Connectivity connectivity, int neuron, int position, int connection) =>
        connectivity switch
        {
            AllConnected => connection,
            LocalFields fields => InputOf(fields.Grid, neuron / fields.NeuronsPerGroup, connection),
            SharedFields shared => InputOf(shared.Grid, position, connection),
            _ => connectivity.InputsOf(neuron)[connection],
        };

    private static int InputOf(FieldGrid grid, int field, int connection)
    {
        int channels = grid.Image.Channels;
        int across = (grid.Image.Width - grid.Width) / grid.HorizontalStride + 1;
        int row = field / across * grid.VerticalStride + connection / channels / grid.Width;
        int column = field % across * grid.HorizontalStride + connection / channels % grid.Width;
        int channel = connection % channels;
        return grid.Image.Interleaved
            ? (row * grid.Image.Width + column) * channels + channel
            : (channel * grid.Image.Height + row) * grid.Image.Width + column;
    }

    private static float[] Row(LabeledRows rows, int row)
    {
        float[] features = new float[rows.Features.FeatureCount];
        rows.Features.CopyRow(row, features);
        return features;
    }

    // What the layers came to in a presentation: neuron by neuron, and what they passed on output by output.
    private sealed class Pass(InfomorphicNetwork network)
    {
        public List<float[][]>[] Sums { get; } = [.. network.Layers.Select(_ => new List<float[][]>())];

        public List<float[]>[] Theta { get; } = [.. network.Layers.Select(_ => new List<float[]>())];

        public List<float[]>[] Complement { get; } = [.. network.Layers.Select(_ => new List<float[]>())];

        public List<float[]>[] Fired { get; } = [.. network.Layers.Select(_ => new List<float[]>())];

        public List<float[]>[] Outputs { get; } = [.. network.Layers.Select(_ => new List<float[]>())];
    }
}

/// <summary>What is known of one neuron.</summary>
internal sealed class NaiveNeuron(Binning binning, string letters)
{
    private const double Precision = 1e-9;

    private readonly List<(int Row, int Label, double Mass, double Theta, double LogOdds)> _responses = [];
    private double[] _atoms = [];
    private double _entropy;
    private double _mass;

    /// <summary>Adds how the neuron responds to the rows of a batch.</summary>
    public void Respond(LabeledRows rows, int[] chosen, float[] theta, float[] complement)
    {
        for (int i = 0; i < chosen.Length; i++)
        {
            double fires = MeanOf(theta, i, chosen.Length);
            double logOdds = Math.Log(fires) - Math.Log(MeanOf(complement, i, chosen.Length));
            _responses.Add((chosen[i], rows.Labels[chosen[i]], rows.Weights?[chosen[i]] ?? 1, fires, logOdds));
        }

        static double MeanOf(float[] values, int row, int rows) =>
            values.Where((_, sample) => sample % rows == row).Average(value => (double)value);
    }

    /// <summary>Adds what its sources say in a batch, by the specification.</summary>
    public void Decompose(float[][] sources, float[] theta, float[] complement, float[] massOfRows)
    {
        double[] mass =
        [
            .. theta.Select(
                (_, sample) => (double)massOfRows[sample % massOfRows.Length] * massOfRows.Length / theta.Length
            ),
        ];
        float[] divisors = [.. sources.Select(source => Binning.DivisorOf(source))];
        int[][] bins =
        [
            .. theta.Select(
                (_, sample) => sources.Select((source, i) => binning.IndexOf(source[sample], divisors[i])).ToArray()
            ),
        ];
        var decomposition = new PartialInformationDecomposition(
            JointDistribution.FromSamples(
                bins.SelectMany(
                    (values, sample) =>
                        new[]
                        {
                            (values, 1, mass[sample] * theta[sample]),
                            (values, -1, mass[sample] * complement[sample]),
                        }
                )
            ),
            letters
        );
        double weight = mass.Sum();
        if (_atoms.Length == 0)
            _atoms = new double[decomposition.Atoms.Count];
        for (int atom = 0; atom < _atoms.Length; atom++)
            _atoms[atom] += weight * decomposition.Atoms[atom];
        _entropy += weight * decomposition.TargetEntropy;
        _mass += weight;
    }

    /// <summary>Asserts that an explanation says the same, to 1e-9; rows that respond alike are in the order of the data.</summary>
    public void AssertSame(NeuronInsight neuron, GoalFunction? goal, int typicalRows, string name)
    {
        double[] atoms = [.. _atoms.Select(atom => atom / _mass)];
        double residual = _entropy / _mass - atoms.Sum();
        NeuronInformation information = neuron.Information;
        Assert.HasCount(atoms.Length, information.Atoms);
        for (int atom = 0; atom < atoms.Length; atom++)
            Assert.AreEqual(atoms[atom], information.Atoms[atom], Precision, $"atom {atom} of {name}");
        Assert.AreEqual(_entropy / _mass, information.Entropy, Precision, name);
        Assert.AreEqual(atoms.Sum(), information.MutualInformation, Precision, name);
        Assert.AreEqual(residual, information.ResidualEntropy, Precision, name);
        Assert.AreEqual(goal is null, information.Goal is null, name);
        if (goal is not null)
            Assert.AreEqual(
                goal.ResidualWeight * residual + goal.Gamma.Zip(atoms, (gamma, atom) => gamma * atom).Sum(),
                information.Goal!.Value,
                Precision,
                name
            );

        for (int label = 0; label < neuron.ClassResponses.Count; label++)
            Assert.AreEqual(
                _responses.Where(of => of.Label == label).Sum(of => of.Mass * of.Theta)
                    / _responses.Where(of => of.Label == label).Sum(of => of.Mass),
                neuron.ClassResponses[label],
                Precision,
                name
            );
        AssertSame(_responses.OrderBy(of => -of.LogOdds).ThenBy(of => of.Row), neuron.MostTypical);
        AssertSame(_responses.OrderBy(of => of.LogOdds).ThenBy(of => of.Row), neuron.LeastTypical);

        void AssertSame(
            IEnumerable<(int Row, int Label, double Mass, double Theta, double LogOdds)> expected,
            IReadOnlyList<TypicalRow> rows
        )
        {
            Assert.HasCount(typicalRows, rows);
            foreach ((TypicalRow row, var of) in rows.Zip(expected))
            {
                Assert.AreEqual(of.Row, row.Row, name);
                Assert.AreEqual(of.Label, row.Label, name);
                Assert.AreEqual(of.Theta, row.Theta, Precision, name);
            }
        }
    }
}
