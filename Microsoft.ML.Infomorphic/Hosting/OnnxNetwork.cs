// The scoring of NetworkScorer as ONNX operators. arXiv 2412.02482, appendix A.4, with the label withheld:
//
//   symbol        node              shape            –
//   x             features          rows × features  raw: the standardisation is folded into the weights
//   F             F                 rows × N         W_F x + b_F
//   C             C1, C2 …          rows × N         a label's is its bias b_C, a constant; feedback's W_C z + b_C with
//                                                    z of the presentation before, and in presentation 1 b_C alone
//   L             L1, L2 …          rows × N         W_L y + b_L with y of the presentation before, and in presentation 1
//                                                    b_L alone
//   y             y1, y2 …          rows × N         the hidden layer's outputs in presentations 1, 2 …
//   z             z1 …              rows × classes   the output layer's outputs in every presentation but the last
//   score         logits            rows × classes   a·(W_O y + b_O) + b, with the calibration a, b folded into W_O, b_O
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

/// <summary>A network as part of an ONNX graph.</summary>
internal sealed class OnnxNetwork
{
    // TensorProto.DataType
    private const long Single = 1;
    private const long Double = 11;
    private const long UInt32 = 12;

    private readonly IOnnxGraph _graph;
    private readonly InfomorphicNetwork _network;
    private readonly ScoringSettings _scoring;

    private OnnxNetwork(IOnnxGraph graph, InfomorphicNetwork network, ScoringSettings scoring)
    {
        _graph = graph;
        _network = network;
        _scoring = scoring;
    }

    private Source Readout => _network.OutputLayer.Sources[0];

    /// <summary>The oldest operator set that has every operator that is used.</summary>
    public const int MinimumOperatorSet = 9;

    /// <summary>Why a model cannot be expressed in ONNX; null where it can.</summary>
    public static string? Obstacle(InfomorphicNetwork network, ScoringSettings scoring) =>
        scoring.Mode == ScoringMode.Sampled && network.HiddenLayers is [{ Activation: not StepActivation }]
            ? "ONNX has no random numbers that follow from a row alone, so that a model which is scored by samples "
                + "cannot be exported: export WithScoring(ScoringMode.MeanField)."
            : null;

    /// <summary>Adds the scores.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="network">The network.</param>
    /// <param name="scoring">How rows are scored.</param>
    /// <param name="features">The name of the features, rows × features.</param>
    /// <param name="scores">The name of the output that becomes the scores, rows × classes.</param>
    public static void AddScores(
        IOnnxGraph graph,
        InfomorphicNetwork network,
        ScoringSettings scoring,
        string features,
        string scores
    ) => new OnnxNetwork(graph, network, scoring).AddScores(features, scores);

    private void AddScores(string features, string scores)
    {
        string y = _network.HiddenLayers is [InfomorphicLayer hidden] ? Hidden(hidden, features) : features;
        string logits = Spread(Calibrated(y));
        _graph.Output("Softmax", [logits], scores, ("axis", 1));
    }

    // The outputs of the last presentation.
    private string Hidden(InfomorphicLayer layer, string features)
    {
        if (layer.Activation is StepActivation)
            return Step(layer.Sources[0], features);
        string f = Aggregate("F", features, layer.Sources[0]);
        return Spread(Fire(layer, f), f);
    }

    // y from F: the last presentation's outputs.
    private string Fire(InfomorphicLayer layer, string f)
    {
        Modulation modulation = Modulation.Of(layer.Activation);
        Source[] modulators = [.. layer.Sources.Skip(1)];
        string gain = Number("gain", modulation.Gain);

        // Presentation 1: nothing is heard, and no label is there.
        string[] shares = new string[modulators.Length];
        for (int i = 0; i < shares.Length; i++)
        {
            Source source = modulators[i];
            string bias = _graph.Constant(
                source.Symbol + "1",
                Scaled(source.Biases, modulation.Sources[i].Steepness),
                source.NeuronCount
            );
            shares[i] = Share(i, source.Symbol + "1", bias);
        }
        string y = Output("y1");
        if (_network.Presentations == 1)
            return y;

        // Then what was put out in the presentation before is heard, through the same weights every time.
        (string Weights, string Biases)[] sums =
        [
            .. modulators.Select(
                (source, i) =>
                    source.Kind == SourceKind.Label
                        ? default
                        : Constants($"{source.Symbol}", source, modulation.Sources[i].Steepness)
            ),
        ];
        (string Weights, string Biases) readout = Array.Exists(modulators, source => source.Kind == SourceKind.Feedback)
            ? Constants("z", Readout, scale: 0.5)
            : default;
        for (int presentation = 2; presentation <= _network.Presentations; presentation++)
        {
            for (int i = 0; i < shares.Length; i++)
            {
                if (modulators[i].Kind == SourceKind.Label)
                    continue;
                string heard = modulators[i].Kind == SourceKind.Feedback ? FedBack(y, $"z{presentation - 1}") : y;
                string name = $"{modulators[i].Symbol}{presentation}";
                shares[i] = Share(i, name, Gemm(name, heard, sums[i].Weights, sums[i].Biases));
            }
            y = Output($"y{presentation}");
        }
        return y;

        // z from y: the output layer's outputs, which know of no calibration.
        string FedBack(string y, string name) =>
            Pass(Gemm(name + "/A", y, readout.Weights, readout.Biases), name, isClamped: true);

        // ½ · share · σ(F · source), where the steepness is in the source already.
        string Share(int index, string name, string source)
        {
            string product = _graph.Node("Mul", [f, source], name + "/product");
            string sigma = _graph.Node("Sigmoid", [product], name + "/sigma");
            string weight = Number(name + "/share", modulation.Sources[index].Share);
            return _graph.Node("Mul", [sigma, weight], name + "/modulation");
        }

        string Output(string name)
        {
            string sum = gain;
            foreach (string share in shares)
                sum = _graph.Node("Add", [share, sum], name + "/gain");
            return Pass(_graph.Node("Mul", [f, sum], name + "/A"), name, modulation.IsClamped);
        }
    }

    // What neurons pass on, from A/2.
    private string Pass(string a, string name, bool isClamped)
    {
        if (_scoring.Mode == ScoringMode.Thresholded)
        {
            string silent = _graph.Node("Less", [a, Number("zero", 0)], name + "/silent");
            return _graph.Node("Where", [silent, Number("minus", -1), Number("plus", 1)], name);
        }
        if (!isClamped)
            return _graph.Node("Tanh", [a], name);
        const double Bound = 1 - 2 * FeedforwardActivation.Clamp;
        string free = _graph.Node("Tanh", [a], name + "/free");
        string below = _graph.Node("Min", [free, Number("bound", Bound)], name + "/below");
        return _graph.Node("Max", [below, Number("-bound", -Bound)], name);
    }

    // In double precision: a sign that rounding decides would not be the one that scoring has (StepSigns).
    private string Step(Source source, string features)
    {
        string wide = Gemm(
            "F/wide",
            Cast(features, "x/wide", Double),
            Cast(Weights("F", source, scale: 1), "F/weights/wide", Double),
            Cast(_graph.Constant("F/biases", source.Biases, source.NeuronCount), "F/biases/wide", Double)
        );
        string zero = Cast(Number("zero", 0), "zero/wide", Double);
        string y = Cast(_graph.Node("Greater", [wide, zero], "y/fires"), "y", Single);
        return Spread(y, Cast(wide, "F", Single));
    }

    private string Cast(string values, string name, long type) => _graph.Node("Cast", [values], name, ("to", type));

    // Values, and NaN where what they come from is not finite: a row of which one number is NaN scores NaN for all classes.
    private string Spread(string values, string? from = null)
    {
        from ??= values;
        string nan = _graph.Node("Sub", [from, from], from + "/nan");
        return _graph.Node("Add", [values, nan], values + "/spread");
    }

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

    private string Calibrated(string y)
    {
        ScoreCalibration calibration = _scoring.Calibrate
            ? _network.Calibration
            : ScoreCalibration.Identity(_network.ClassCount);
        var weights = new float[Readout.Weights.Length];
        var biases = new float[_network.ClassCount];
        for (int k = 0; k < biases.Length; k++)
        {
            double slope = calibration.Slopes[k];
            for (int i = 0; i < Readout.InputCount; i++)
                weights[k * Readout.InputCount + i] = (float)(slope * Readout.Weights[k * Readout.InputCount + i]);
            biases[k] = (float)(slope * Readout.Biases[k] + calibration.Offsets[k]);
        }
        return Gemm("logits", y, _graph.Constant("logits/weights", weights, biases.Length, Readout.InputCount), biases);
    }

    private string Number(string name, double value) => _graph.Constant(name, new[] { (float)value }, 1);

    // scale · (W x + b)
    private string Aggregate(string name, string inputs, Source source, double scale = 1) =>
        Gemm(name, inputs, Weights(name, source, scale), Scaled(source.Biases, scale));

    private string Gemm(string name, string inputs, string weights, float[] biases) =>
        Gemm(name, inputs, weights, _graph.Constant(name + "/biases", biases, biases.Length));

    private string Gemm(string name, string inputs, string weights, string biases) =>
        _graph.Node("Gemm", [inputs, weights, biases], name, ("transB", 1));

    // ONNX has no product with a sparse matrix. Drawn weights are put among zeros, which a runtime does once, when it
    // loads the file; zeros cost its matrix product less than drawn peers would cost its Gather: N × K numbers, every
    // neuron's peers, for every row that is scored.
    private string Weights(string name, Source source, double scale)
    {
        const int OldestScatter = 11;
        long n = source.NeuronCount;
        long k = source.ConnectionsPerNeuron;
        if (source.Connections is null || _graph.OperatorSet < OldestScatter || !AreDistinct(source))
            return _graph.Constant(name + "/weights", Scaled(Dense(source), scale), n, source.InputCount);
        string shape = _graph.Constant(name + "/shape", new[] { n, source.InputCount }, 2);
        string zeros = _graph.Node("ConstantOfShape", [shape], name + "/zeros");
        string drawn = _graph.Constant(name + "/drawn", Scaled(source.Weights, scale), n, k);
        string peers = _graph.Constant(name + "/peers", source.Connections!, n, k);
        return _graph.Node("ScatterElements", [zeros, peers, drawn], name + "/weights", ("axis", 1));
    }

    // scale · W and scale · b
    private (string Weights, string Biases) Constants(string name, Source source, double scale) =>
        (
            Weights(name, source, scale),
            _graph.Constant(name + "/biases", Scaled(source.Biases, scale), source.NeuronCount)
        );

    private static bool AreDistinct(Source source) =>
        source.Connections!.Chunk(source.ConnectionsPerNeuron).All(peers => peers.Distinct().Count() == peers.Length);

    private static float[] Dense(Source source)
    {
        if (source.Connections is null)
            return source.Weights;
        OnnxFile.ThrowIfTooLarge((long)source.NeuronCount * source.InputCount * sizeof(float));
        int perNeuron = source.ConnectionsPerNeuron;
        var dense = new float[source.NeuronCount * source.InputCount];
        for (int neuron = 0; neuron < source.NeuronCount; neuron++)
        for (int i = 0; i < perNeuron; i++)
        {
            int connection = neuron * perNeuron + i;
            dense[neuron * source.InputCount + source.Connections![connection]] += source.Weights[connection];
        }
        return dense;
    }

    private static float[] Scaled(float[] values, double factor) =>
        factor == 1 ? values : Array.ConvertAll(values, value => (float)(factor * value));

    /// <summary>A/2 = F · [gain + Σ share · σ(steepness · F · source)], of which [A] and [B] are cases.</summary>
    private sealed record Modulation(double Gain, (double Share, double Steepness)[] Sources, bool IsClamped)
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
}
