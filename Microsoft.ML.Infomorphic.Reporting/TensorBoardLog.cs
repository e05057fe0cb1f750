using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// Writes a training into an event file of TensorBoard while it runs: accuracy, log-loss, and for every layer the goal and each
/// atom; with labelled data also the receptive fields and the distributions over neurons of each term of the goal. It is
/// managed code, and needs neither TensorFlow nor libtorch.
/// </summary>
/// <example>
/// <code>
/// using var log = new TensorBoardLog("runs/wine");
/// options.CheckpointReached = log.Write;
/// </code>
/// </example>
public sealed class TensorBoardLog : IDisposable
{
    private readonly Lock _lock = new();
    private readonly EventFile _file;
    private readonly IDataView? _data;
    private readonly ReportOptions _options;

    /// <summary>Begins an event file.</summary>
    /// <param name="folder">
    /// The folder of this run, which is made where it is missing; TensorBoard takes the folder above it and shows runs by their
    /// names. What is in it stays.
    /// </param>
    /// <param name="data">
    /// Labelled data, its features prepared as in training, on which the neurons are looked at whenever the training is
    /// evaluated: a few hundred rows keep that short. Null for numbers alone.
    /// </param>
    /// <param name="options">The names of the columns, the width of images and how to look; null for the defaults.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder must not be written.</exception>
    public TensorBoardLog(string folder, IDataView? data = null, ReportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _data = data;
        _options = options ?? new ReportOptions();
        _file = new EventFile(folder);
    }

    /// <summary>Writes what a training has come to. The step on the axis is the epoch.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <exception cref="ArgumentNullException">There is no checkpoint.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column of the data is missing or does not fit the network.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The log is closed.</exception>
    public void Write(TrainingCheckpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        List<WireMessage> values = [.. Numbers(checkpoint.Epoch)];
        InfomorphicModelParameters model = checkpoint.Model;
        int hiddenLayers = model.Network.HiddenLayers.Count;
        foreach ((int place, LayerProgress layer) in checkpoint.Epoch.Layers.Index())
        {
            string name = NameOf(place, hiddenLayers);
            if (!double.IsNaN(layer.Goal))
                values.Add(EventFile.Scalar($"{name}/goal, bits", layer.Goal));
            if (!double.IsNaN(layer.SelfCosineDistance))
                values.Add(EventFile.Scalar($"{name}/self-cosine distance", layer.SelfCosineDistance));
            if (layer.Atoms.Count > 0 && model.Network.Layers.ElementAt(place).Goal is { } goal)
                foreach ((string atom, double bits) in NamesOfTerms(goal).Zip(layer.Atoms))
                    values.Add(EventFile.Scalar($"{name} atoms, bits/{atom}", bits));
        }
        if (_data is not null)
            values.AddRange(LookAt(model));
        lock (_lock)
            _file.Write(checkpoint.Epoch.Epoch, values);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        lock (_lock)
            _file.Dispose();
    }

    private static IEnumerable<WireMessage> Numbers(EpochRecord epoch)
    {
        yield return EventFile.Scalar("accuracy/training", epoch.TrainingAccuracy);
        if (epoch.ValidationAccuracy is double accuracy)
            yield return EventFile.Scalar("accuracy/validation", accuracy);
        if (epoch.ValidationLogLoss is double logLoss)
            yield return EventFile.Scalar("log-loss/validation, nats", logLoss);
    }

    private IEnumerable<WireMessage> LookAt(InfomorphicModelParameters model)
    {
        NetworkInsight insight = model.Explain(
            _data!,
            _options.LabelColumnName,
            _options.FeatureColumnName,
            _options.ExampleWeightColumnName,
            _options.Insight
        );
        int? imageWidth = ReportOptions.WidthFor(_options, model);
        foreach ((int place, LayerInsight layer) in insight.Layers.Index())
        {
            string name = NameOf(place, insight.HiddenLayers.Count);
            if (imageWidth is int width && FieldImages.ReadsFeatures(layer))
                yield return EventFile.Image($"{name}/receptive fields", FieldImages.Mosaic(layer, width));
            if (layer.Layer.Goal is not { } goal)
                continue;
            foreach ((int term, string atom) in NamesOfTerms(goal).Index())
            {
                double weight = goal.Gamma[term];
                if (weight != 0)
                    yield return EventFile.Histogram(
                        $"{name} terms of the goal, bits/{atom}",
                        [.. layer.Neurons.Select(neuron => weight * Term(neuron.Information, term))]
                    );
            }
        }
    }

    private static double Term(NeuronInformation information, int term) =>
        term < information.Atoms.Count ? information.Atoms[term] : information.ResidualEntropy;

    private static IEnumerable<string> NamesOfTerms(Information.GoalFunction goal) =>
        [.. goal.Lattice.Antichains.Select(atom => atom.ToString(goal.Sources)), "H_res"];

    private static string NameOf(int place, int hiddenLayers) =>
        place >= hiddenLayers ? "output layer"
        : hiddenLayers == 1 ? "hidden layer"
        : LayerNames.Layer(place, hiddenLayers);
}
