// The scoring of a network as ONNX operators. arXiv 2412.02482, appendix A.4, for any number of layers, with the label
// withheld: the schedule is carried out as everywhere, and nodes are written instead of numbers.
//
//   symbol        node              shape               –
//   x             features          rows × features     raw: the standardisation is folded into the weights; encoded where
//                                                       the model encodes them (OnnxEncoding)
//   F             F, F2 …           samples × N         the sum of its projections, W_F x + b_F; numbered by visits of the
//                                                       layer, where it is aggregated anew
//   C             C1, C2 …          samples × N         what is withheld or not heard yet is the bias b_C, a constant
//   L             L1, L2 …          samples × N         W_L y + b_L with y of the presentation before, and at first b_L
//   y             y1, y2 …          samples × N         outputs, by visits of the layer
//   passed on     y1/passed …       rows × outputs      of neurons at several positions: a position after another, or cells
//   z             z1 …              rows × classes      the output layer's outputs in every visit but the last
//   score         logits            rows × classes      a·(W_O y + b_O) + b, with the calibration a, b folded into W_O, b_O
//
// Of several networks, the names of the i-th one's nodes begin with "network i/", and scores are the mean of their probabilities.
//
// A sample is a row at a position: sample r·P + p is row r at position p, where neurons share their weights over P positions.
// In networks with several hidden layers the names of the i-th one's nodes begin with "hi/".
//
// [A]  A(F, C, L) = F · [(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)]
// [B]  A(F, X) = F · [k + (1 − k) · 2 σ(β F X)], with X = C or L, in a bivariate layer; z has A = F
// [y]  mean field: y = 2θ − 1 = 2σ(A) − 1 = tanh(A/2), and 1 − 2·10⁻⁶ at most where θ is clamped, as [B]'s and z's are;
//      thresholded: y = 1 where A ≥ 0, else −1; of a step: y = 1 where F > 0, else 0
//
// The operators and their attributes mean the same in every operator set from the one on that the network needs.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The names of the outputs of a binary classifier.</summary>
/// <param name="Score">Of the log-odds.</param>
/// <param name="Probability">Of the probability.</param>
internal sealed record BinaryOutputs(string Score, string Probability);

/// <summary>A network as part of an ONNX graph.</summary>
internal sealed class OnnxNetwork : IPresenter
{
    // TensorProto.DataType
    private const long UInt32 = 12;

    private readonly OnnxNodes _nodes;
    private readonly OnnxSums _sums;
    private readonly InfomorphicNetwork _network;
    private readonly ScoringSettings _scoring;
    private readonly Schedule _schedule;
    private readonly string _features;
    private readonly LayerValues[] _layers;

    private OnnxNetwork(OnnxNodes nodes, InfomorphicNetwork network, ScoringSettings scoring, string features)
    {
        _nodes = nodes;
        _sums = new OnnxSums(_nodes);
        _network = network;
        _scoring = scoring;
        _schedule = ScheduleOf(network);
        _features = features;
        _layers =
        [
            .. network.Layers.Select(
                (layer, i) =>
                    new LayerValues(layer, network.Layers.Count > 2 && i < network.Layers.Count - 1 ? $"h{i + 1}/" : "")
            ),
        ];
    }

    /// <summary>The oldest operator set that has every operator that is used.</summary>
    public const int MinimumOperatorSet = 9;

    /// <summary>Why a model cannot be expressed in ONNX; null where it can.</summary>
    public static string? Obstacle(InfomorphicNetwork network, ScoringSettings scoring) =>
        scoring.Mode == ScoringMode.Sampled
        && ScheduleOf(network)
            .Visits.Any(visit =>
                network.Layers[visit.Layer].Activation is not StepActivation && !IsScore(network, visit)
            )
            ? "ONNX has no random numbers that follow from a row alone, so that a model which is scored by samples "
                + "cannot be exported: export WithScoring(ScoringMode.MeanField)."
            : null;

    /// <summary>Adds the scores.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="networks">The networks; scores are the mean of their probabilities.</param>
    /// <param name="scoring">How rows are scored.</param>
    /// <param name="features">The name of the features, rows × features.</param>
    /// <param name="scores">The name of the output that becomes the scores, rows × classes; null where nodes alone use them.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <returns>The name of the scores.</returns>
    public static string AddScores(
        IOnnxGraph graph,
        IReadOnlyList<InfomorphicNetwork> networks,
        ScoringSettings scoring,
        string features,
        FeatureEncoding? encoding,
        string? scores = null
    )
    {
        var shared = new OnnxNodes(graph);
        if (encoding is { IsIdentity: false })
            features = OnnxEncoding.Add(shared, encoding, features);
        if (networks.Count == 1)
            return Scores("Softmax", [Logits(shared, networks[0])], ("axis", 1));

        string sum = "";
        for (int i = 0; i < networks.Count; i++)
        {
            var nodes = new OnnxNodes(graph, $"network {i + 1}/");
            string p = nodes.Node("Softmax", [Logits(nodes, networks[i])], "probabilities", ("axis", 1));
            sum = i == 0 ? p : nodes.Node("Add", [sum, p], "sum");
        }

        return Scores("Div", [sum, graph.Constant("networks", new[] { (float)networks.Count }, 1)]);

        string Scores(string operation, string[] inputs, params (string Name, long Value)[] attributes)
        {
            if (scores is null)
                return graph.Node(operation, inputs, "p", attributes);
            graph.Output(operation, inputs, scores, attributes);
            return scores;
        }

        string Logits(OnnxNodes nodes, InfomorphicNetwork network)
        {
            var presenter = new OnnxNetwork(nodes, network, scoring, features);
            presenter._schedule.Present(ref presenter);
            return presenter._layers[^1].Final;
        }
    }

    /// <summary>Adds what a binary classifier says of a row: the log-odds and the probability of true (<see cref="LogOdds"/>).</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="networks">The networks, of two classes; the probability is the mean of theirs.</param>
    /// <param name="scoring">How rows are scored.</param>
    /// <param name="features">The name of the features, rows × features.</param>
    /// <param name="outputs">The names of the outputs.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <param name="keepColumn">Whether outputs are rows × 1, as ML.NET has them, and not one number a row.</param>
    public static void AddLogOdds(
        IOnnxGraph graph,
        IReadOnlyList<InfomorphicNetwork> networks,
        ScoringSettings scoring,
        string features,
        BinaryOutputs outputs,
        FeatureEncoding? encoding,
        bool keepColumn
    )
    {
        var nodes = new OnnxNodes(graph);
        string both = AddScores(graph, networks, scoring, features, encoding);
        string negative = Column(0);
        string positive = Column(1);

        // A minimum that is not a number is one in some runtimes, and none in others.
        string nan = graph.Node("Sub", [positive, positive], "p/nan");
        string odds = graph.Node("Div", [AtLeast(positive), AtLeast(negative)], "odds");
        string logarithm = graph.Node("Log", [odds], "odds/log");
        graph.Output("Add", [logarithm, nan], outputs.Score);
        graph.Output("Add", [positive, nan], outputs.Probability);

        string Column(int index)
        {
            string place = graph.Constant($"class{index}", new long[] { index }, keepColumn ? [1] : []);
            return graph.Node("Gather", [both, place], $"p{index}", ("axis", 1));
        }

        string AtLeast(string p) =>
            graph.Node("Max", [p, nodes.Number("least", LogOdds.LeastProbability)], $"{p}/bounded");
    }

    void IPresenter.Aggregate(Visit visit)
    {
        LayerValues values = _layers[visit.Layer];
        values.Visits++;
        if (IsScore(_network, visit))
        {
            values.Sums[0] = Logits(visit);
            return;
        }

        for (int source = 0; source < values.Sums.Length; source++)
        {
            values.IsNew[source] = visit.Turns[source] != SourceTurn.Kept;
            if (values.IsNew[source])
                values.Sums[source] = Sum(visit, source);
        }
    }

    void IPresenter.Fire(Visit visit)
    {
        LayerValues values = _layers[visit.Layer];
        if (IsScore(_network, visit))
        {
            values.Final = Finite(values.Sums[0]);
            return;
        }

        InfomorphicLayer layer = values.Layer;
        string y = layer.Activation switch
        {
            StepActivation => Step(values),
            FeedforwardActivation => Pass(values.Sums[0], values.Numbered("z"), isClamped: true),
            _ => Modulated(values, Modulation.Of(layer.Activation)),
        };
        if (!visit.IsLast)
        {
            values.FiredEarlier = y;
            values.Earlier = PassedOn(values, y);
            return;
        }

        // Features that are finite can add up to what is not.
        for (int source = 0; source < values.Sums.Length; source++)
            if (layer.Sources[source].Hears(Signal.Features))
                y = Spread(y, Narrow(values, source));
        values.Final = PassedOn(values, y);
    }

    void IPresenter.Learn(Visit visit) { }

    private static Schedule ScheduleOf(InfomorphicNetwork network) =>
        Schedule.Of(network, withLabel: false, targets: [network.Layers.Count - 1]);

    private static bool IsScore(InfomorphicNetwork network, Visit visit) =>
        visit.IsLast && visit.Layer == network.Layers.Count - 1;

    // A source's sums: of the output layer half of them, of what modulates as steep as it does.
    private string Sum(Visit visit, int index)
    {
        LayerValues values = _layers[visit.Layer];
        InfomorphicLayer layer = values.Layer;
        Source source = layer.Sources[index];
        bool isOutput = visit.Layer == _layers.Length - 1;
        double scale =
            isOutput ? 0.5
            : index == 0 ? 1
            : Modulation.Of(layer.Activation).Sources[index - 1].Steepness;
        string constants = isOutput ? "z" : values.Name(values.NameOf(index));
        string name =
            isOutput ? values.Numbered("z") + "/A"
            : index == 0 && values.Visits == 1 ? constants
            : constants + values.Visits;
        double[] scales = [.. Enumerable.Repeat(scale, layer.NeuronCount)];
        float[] biases = OnnxSums.Scaled(source.Biases, scales);
        if (visit.Turns[index] == SourceTurn.Aggregated)
            return Sum(visit, source, name, constants, scales, biases);
        if (index > 0)
            return _nodes.Constant(name, biases, biases.Length);

        // What drives neurons is there for every row.
        string zeros =
            layer.Activation is StepActivation ? _nodes.Cast(Zeros(), "x/zeros/wide", OnnxNodes.Double) : Zeros();
        string rows = _nodes.Node("Add", [zeros, Biases(layer, constants, biases)], name + "/rows");
        return _sums.Repeat(rows, layer);
    }

    // scales · W x + biases, of all that is heard. First what is the same at all positions of the neurons.
    private string Sum(Visit visit, Source source, string name, string constants, double[] scales, float[] biases)
    {
        InfomorphicLayer layer = _layers[visit.Layer].Layer;
        bool isWide = layer.Activation is StepActivation;
        string sum = Biases(layer, constants, biases);
        string end = isWide ? "/wide" : "";
        int[] heard =
        [
            .. Enumerable
                .Range(0, source.Projections.Count)
                .Where(part =>
                    !source.Projections[part].Signal.IsLabel && visit.Hears(source.Projections[part].Signal)
                ),
        ];
        int[] repeated = [.. heard.Where(part => !IsByPosition(visit, source.Projections[part]))];
        foreach (int part in repeated)
            Add(part);
        if (repeated.Length > 0)
            sum = _sums.Repeat(sum, layer);
        foreach (int part in heard.Except(repeated))
            Add(part);
        return sum;

        void Add(int part)
        {
            Projection projection = source.Projections[part];
            string suffix = part == 0 ? "" : $"/{part + 1}";
            sum = _sums.Add(
                name + suffix + end,
                constants + suffix,
                projection,
                Heard(visit, projection.Signal),
                sum,
                scales,
                isWide
            );
        }
    }

    private string Biases(InfomorphicLayer layer, string constants, float[] biases)
    {
        string name = constants + "/biases";
        string constant = _nodes.Constant(name, biases, biases.Length);
        // A sign that rounding decides would not be the one that scoring has (StepSigns).
        return layer.Activation is StepActivation ? _nodes.Cast(constant, name + "/wide", OnnxNodes.Double) : constant;
    }

    // Whether what is heard differs between the positions of the neurons.
    private bool IsByPosition(Visit visit, Projection projection) =>
        _layers[visit.Layer].Layer.Positions is not null
        && (projection.Connectivity is SharedFields || projection.Signal == Signal.Layer(visit.Layer));

    private string Heard(Visit visit, Signal signal)
    {
        if (signal.Kind == SignalKind.Features)
            return _features;
        LayerValues heard = _layers[signal.Index];
        if (!_schedule.HearsEarlier(visit, signal))
            return heard.Final;
        return signal.Index == visit.Layer ? heard.FiredEarlier : heard.Earlier;
    }

    // The sums of the output layer, calibrated.
    private string Logits(Visit visit)
    {
        Source readout = _network.OutputLayer.Sources[0];
        ScoreCalibration calibration = _scoring.Calibrate
            ? _network.Calibration
            : ScoreCalibration.Identity(_network.ClassCount);
        double[] slopes = [.. calibration.Slopes];
        var biases = new float[_network.ClassCount];
        for (int k = 0; k < biases.Length; k++)
            biases[k] = (float)(slopes[k] * readout.Biases[k] + calibration.Offsets[k]);
        return Sum(visit, readout, "logits", "logits", slopes, biases);
    }

    // y from F and what modulates it.
    private string Modulated(LayerValues values, Modulation modulation)
    {
        string f = values.Sums[0];
        string sum = _nodes.Number(values.Name("gain"), modulation.Gain);
        string name = values.Numbered("y");
        for (int i = 0; i < modulation.Sources.Length; i++)
        {
            if (values.IsNew[0] || values.IsNew[i + 1])
                values.Modulations[i] = Modulate(i);
            sum = _nodes.Node("Add", [values.Modulations[i], sum], name + "/gain");
        }

        return Pass(_nodes.Node("Mul", [f, sum], name + "/A"), name, modulation.IsClamped);

        // ½ · weight · σ(F · source), where the steepness is in the source already.
        string Modulate(int index)
        {
            string letter = values.NameOf(index + 1);
            string name = values.Numbered(letter);
            string product = _nodes.Node("Mul", [f, values.Sums[index + 1]], name + "/product");
            string sigma = _nodes.Node("Sigmoid", [product], name + "/sigma");
            string weight = _nodes.Number(values.Name(letter) + "/weight", modulation.Sources[index].Weight);
            return _nodes.Node("Mul", [sigma, weight], name + "/modulation");
        }
    }

    // What neurons put out, from A/2.
    private string Pass(string a, string name, bool isClamped)
    {
        if (_scoring.Mode == ScoringMode.Thresholded)
        {
            string silent = _nodes.Node("Less", [a, _nodes.Number("zero", 0)], name + "/silent");
            return _nodes.Node("Where", [silent, _nodes.Number("minus", -1), _nodes.Number("plus", 1)], name);
        }
        if (!isClamped)
            return _nodes.Node("Tanh", [a], name);
        const double Bound = 1 - 2 * FeedforwardActivation.Clamp;
        string free = _nodes.Node("Tanh", [a], name + "/free");
        string below = _nodes.Node("Min", [free, _nodes.Number("bound", Bound)], name + "/below");
        return _nodes.Node("Max", [below, _nodes.Number("-bound", -Bound)], name);
    }

    private string Step(LayerValues values)
    {
        string name = values.Numbered("y");
        string zero = _nodes.Cast(_nodes.Number("zero", 0), "zero/wide", OnnxNodes.Double);
        string fires = _nodes.Node("Greater", [values.Sums[0], zero], name + "/fires");
        return _nodes.Cast(fires, name, OnnxNodes.Single);
    }

    private string Narrow(LayerValues values, int source) =>
        values.Layer.Activation is StepActivation
            ? _nodes.Cast(values.Sums[source], values.Name(values.NameOf(source)), OnnxNodes.Single)
            : values.Sums[source];

    // Outputs of samples, as other layers hear them: rows × outputs.
    private string PassedOn(LayerValues values, string y)
    {
        InfomorphicLayer layer = values.Layer;
        if (layer.Positions is null)
            return y;
        string passed = y;
        if (layer.Pooling is not null)
        {
            string cells = Means(layer, values.Name("cells"));
            string byPosition = _nodes.Reshape(y, y + "/positions", -1, layer.PositionCount, layer.NeuronCount);
            passed = _nodes.Node("MatMul", [cells, byPosition], y + "/pooled");
        }

        return _nodes.Reshape(passed, y + "/passed", -1, layer.OutputCount);
    }

    // A matrix by which positions are averaged, cell by cell.
    private string Means(InfomorphicLayer layer, string name)
    {
        OnnxFile.ThrowIfTooLarge((long)layer.CellCount * layer.PositionCount * sizeof(float));
        int[] cells = layer.Pooling!.CellsOf(layer.Positions!);
        int[] sizes = new int[layer.CellCount];
        foreach (int cell in cells)
            sizes[cell]++;
        var means = new float[sizes.Length * cells.Length];
        for (int position = 0; position < cells.Length; position++)
            means[cells[position] * cells.Length + position] = 1f / sizes[cells[position]];
        return _nodes.Constant(name, means, sizes.Length, cells.Length);
    }

    // Values, and NaN where what they come from is not finite.
    private string Spread(string values, string from)
    {
        string nan = _nodes.Node("Sub", [from, from], from + "/nan");
        return _nodes.Node("Add", [values, nan], values + "/spread");
    }

    // A row of which one number is not finite scores NaN for all classes.
    private string Finite(string logits)
    {
        string spread = Spread(logits, logits);
        return HearsAll(_layers.Length - 1) ? spread : _nodes.Node("Add", [spread, Zeros()], logits + "/finite");
    }

    // Whether each of a layer's sums follows from all features.
    private bool HearsAll(int layer) =>
        _network
            .Layers[layer]
            .Sources[0]
            .Projections.Any(of =>
                of.Connectivity is AllConnected
                && (
                    of.Signal == Signal.Features
                    || of.Signal.Kind == SignalKind.Layer && !of.Signal.IsLateFor(layer) && HearsAll(of.Signal.Index)
                )
            );

    // 0 for each row, and NaN where a feature is not finite; rows × 1.
    private string Zeros() =>
        _nodes.Once(
            "x/zeros",
            () =>
            {
                float[] ones = [.. Enumerable.Repeat(1f, _network.FeatureCount)];
                string constant = _nodes.Constant("x/ones", ones, ones.Length, 1);
                return _nodes.Node(
                    "MatMul",
                    [_nodes.Node("Sub", [_features, _features], "x/nan"), constant],
                    "x/zeros"
                );
            }
        );

    /// <summary>Adds the predicted class of every row.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="scores">The name of the scores.</param>
    /// <param name="labels">
    /// The classes' labels and, last, the one of a row that has none because a feature is not finite.
    /// </param>
    /// <param name="output">The name of the output that becomes the labels, one a row.</param>
    public static void AddLabels(IOnnxGraph graph, string scores, Array labels, string output)
    {
        string index = ClassIndex(graph, scores, labels.Length - 1, keepColumn: false);
        graph.Output("Gather", [graph.Constant("labels", labels, labels.Length), index], output, ("axis", 0));
    }

    /// <summary>Adds the predicted class of every row as ML.NET's key: from 1, and 0 where there is none.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="scores">The name of the scores.</param>
    /// <param name="output">The name of the output that becomes the keys, rows × 1.</param>
    public static void AddKeys(IOnnxGraph graph, string scores, string output)
    {
        string index = ClassIndex(graph, scores, missing: -1, keepColumn: true);
        string key = graph.Node("Add", [index, graph.Constant("first", new long[] { 1 }, 1)], "key");
        graph.Output("Cast", [key], output, ("to", UInt32));
    }

    private static string ClassIndex(IOnnxGraph graph, string scores, long missing, bool keepColumn)
    {
        long[] shape = keepColumn ? [1] : [];
        string best = graph.Node("ArgMax", [scores], "best", ("axis", 1), ("keepdims", keepColumn ? 1 : 0));
        string zero = graph.Constant("class0", new long[1], shape);
        string first = graph.Node("Gather", [scores, zero], "score0", ("axis", 1));
        string none = graph.Node("IsNaN", [first], "none");
        return graph.Node("Where", [none, graph.Constant("missing", new[] { missing }, shape), best], "class");
    }

    /// <summary>A/2 = F · [gain + Σ weight · σ(steepness · F · source)], of which [A] and [B] are cases.</summary>
    private sealed record Modulation(double Gain, (double Weight, double Steepness)[] Sources, bool IsClamped)
    {
        public static Modulation Of(Activation activation) =>
            activation switch
            {
                ModulatedActivation(var alpha1, var alpha2, var beta1, var beta2) => new(
                    (1 - alpha1 - alpha2) / 2,
                    [(alpha1 / 2, beta1), (alpha2 / 2, beta2)],
                    IsClamped: false
                ),
                BivariateActivation(var k, var beta) => new(k / 2, [(1 - k, beta)], IsClamped: true),
                _ => throw new NotSupportedException($"A {activation.GetType().Name} modulates nothing."),
            };
    }

    /// <summary>The names of a layer's values, as far as rows have been presented.</summary>
    private sealed class LayerValues
    {
        private readonly string _prefix;

        public LayerValues(InfomorphicLayer layer, string prefix)
        {
            Layer = layer;
            _prefix = prefix;
            int sources = layer.Activation.SourceCount ?? 1;
            Sums = new string[sources];
            IsNew = new bool[sources];
            Modulations = new string[sources - 1];
        }

        public InfomorphicLayer Layer { get; }

        /// <summary>Number of visits so far.</summary>
        public int Visits { get; set; }

        /// <summary>The sums of each source.</summary>
        public string[] Sums { get; }

        /// <summary>Which sums have changed in this visit.</summary>
        public bool[] IsNew { get; }

        /// <summary>What each source but F adds to the gain.</summary>
        public string[] Modulations { get; }

        /// <summary>Outputs before the last visit, samples × neurons.</summary>
        public string FiredEarlier { get; set; } = "";

        /// <summary>What is passed on of them, rows × outputs.</summary>
        public string Earlier { get; set; } = "";

        /// <summary>What is passed on in the last visit; of the output layer, the logits.</summary>
        public string Final { get; set; } = "";

        public string Name(string name) => _prefix + name;

        /// <summary>A name that ends with the number of the visit.</summary>
        public string Numbered(string name) => $"{_prefix}{name}{Visits}";

        /// <summary>A source's letter, or what tells it from another one of the same.</summary>
        public string NameOf(int source)
        {
            char symbol = Layer.Sources[source].Symbol;
            return Layer.Sources.Take(source).Any(other => other.Symbol == symbol)
                ? $"{symbol}/{source}/"
                : $"{symbol}";
        }
    }
}
