using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Reporting;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Transforms;

namespace Mnist;

/// <summary>
/// All that this sample asks of ML.NET and of the library: train, evaluate, save, load, predict. Read this file first.
/// </summary>
internal sealed class DigitClassifier
{
    private readonly MLContext _mlContext;
    private readonly ITransformer _digitToKey;
    private readonly InfomorphicPredictionTransformer _classifier;

    private DigitClassifier(
        MLContext mlContext,
        ITransformer digitToKey,
        InfomorphicPredictionTransformer classifier,
        ITransformer keyToDigit
    )
    {
        _mlContext = mlContext;
        _digitToKey = digitToKey;
        _classifier = classifier;
        Model = digitToKey.Append(classifier).Append(keyToDigit);
    }

    /// <summary>The whole model: from pixels to digits.</summary>
    public ITransformer Model { get; }

    /// <summary>The trained network, its goal, and the history of its training.</summary>
    public InfomorphicModelParameters Parameters => _classifier.Model;

    /// <summary>
    /// Trains. The steps are fitted one by one because a pipeline takes no validation data; <c>pipeline.Fit(train)</c> does the
    /// same where there are none, or <see cref="InfomorphicTrainer.Options.ValidationFraction"/> takes them from the training rows.
    /// </summary>
    public static DigitClassifier Train(
        MLContext mlContext,
        IDataView train,
        IDataView validation,
        InfomorphicTrainer.Options options
    )
    {
        ITransformer digitToKey = mlContext
            .Transforms.Conversion.MapValueToKey(
                options.LabelColumnName,
                keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Fit(train);
        InfomorphicPredictionTransformer classifier = mlContext
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(digitToKey.Transform(train), digitToKey.Transform(validation));
        ITransformer keyToDigit = mlContext
            .Transforms.Conversion.MapKeyToValue(nameof(DigitPrediction.PredictedDigit), "PredictedLabel")
            .Fit(classifier.Transform(digitToKey.Transform(train)));

        return new DigitClassifier(mlContext, digitToKey, classifier, keyToDigit);
    }

    /// <summary>Evaluates, scored as the model scores.</summary>
    public MulticlassClassificationMetrics Evaluate(IDataView data) =>
        _mlContext.MulticlassClassification.Evaluate(Model.Transform(data));

    /// <summary>Evaluates the same network as the paper does: one sample a neuron, scores as the output layer gives them.</summary>
    public MulticlassClassificationMetrics EvaluateSampled(IDataView data) =>
        _mlContext.MulticlassClassification.Evaluate(
            _classifier
                .WithScoring(ScoringMode.Sampled, numberOfSamples: 1, calibrate: false)
                .Transform(_digitToKey.Transform(data))
        );

    /// <summary>The scores of all rows as the output layer gives them, scored as the model scores but not calibrated.</summary>
    public float[][] ScoreUncalibrated(IDataView data)
    {
        ScoringSettings scoring = Parameters.ScoringSettings;
        return
        [
            .. _classifier
                .WithScoring(scoring.Mode, scoring.Samples, scoring.Seed, calibrate: false)
                .Transform(_digitToKey.Transform(data))
                .GetColumn<float[]>("Score"),
        ];
    }

    /// <summary>Writes the model as model.zip, which loads wherever the library is referenced.</summary>
    public void Save(Stream stream, DataViewSchema schema) => _mlContext.Model.Save(Model, schema, stream);

    /// <summary>The scores of all rows: what the saved model must reproduce to the last bit.</summary>
    public static float[][] Score(MLContext mlContext, ITransformer model, IDataView data) =>
        [
            .. mlContext
                .Data.CreateEnumerable<DigitPrediction>(model.Transform(data), reuseRowObject: false)
                .Select(prediction => prediction.Score),
        ];

    /// <summary>Explains every neuron on labelled images, in an HTML file.</summary>
    public NetworkInsight WriteReport(string path, IDataView images, string title) =>
        InfomorphicReport.Write(
            Parameters,
            _digitToKey.Transform(images),
            path,
            new ReportOptions
            {
                Title = title,
                FeatureColumnName = nameof(DigitImage.Features),
                LabelColumnName = nameof(DigitImage.Label),
            }
        );
}
